# SPDX-License-Identifier: Apache-2.0
"""Every document, a file for each subject; imported in the order of the schema and the page."""
from . import machine_values, lease_values, sample_values  # isort: skip
from . import machine, handover, leases, simulated, costs, reports, sharing, rightsize, lab  # isort: skip
from .registry import COMMANDS, KINDS, VALUES
