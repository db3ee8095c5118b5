#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dashboards as code: writes dashboards/*.json for Grafana 9.5 and later.

    build.py            write them
    build.py --check    exit code 1 when one is not what this file makes

A panel's expressions are evaluated against a real Prometheus by tests/monitoring/end_to_end.py.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
WIDTH = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# A job's own window for rates: at least four scrapes, whatever the interval.
RATE = "$__rate_interval"


def target(expression, legend="", instant=False, table=False):
    return {"datasource": SOURCE, "expr": expression, "legendFormat": legend, "instant": instant, "range": not instant,
            "format": "table" if table else "time_series"}


def panel(kind, title, targets, unit="short", width=8, height=8, description="", options=None, custom=None, minimum=0, **more):
    defaults = {"unit": unit, "custom": custom or {}}
    if minimum is not None:
        defaults["min"] = minimum
    return {"type": kind, "title": title, "description": description, "datasource": SOURCE, "targets": targets,
            "fieldConfig": {"defaults": defaults, "overrides": []}, "options": options or {}, "gridPos": {"w": width, "h": height}, **more}


def graph(title, targets, unit="short", stacked=False, **more):
    custom = {"fillOpacity": 20 if stacked else 5, "showPoints": "never", "spanNulls": False,
              "stacking": {"mode": "normal" if stacked else "none", "group": "A"}}
    return panel("timeseries", title, targets, unit, custom=custom,
                 options={"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}, **more)


def ratio(title, targets, **more):
    return graph(title, targets, "percentunit", **more)


def stat(title, expression, unit="short", legend="", width=4, **more):
    return panel("stat", title, [target(expression, legend, instant=True)], unit, width=width, height=4, **more)


def table(title, targets, **more):
    hidden = {name: True for name in ("Time", "__name__", "job")}
    return panel("table", title, [dict(one, refId=chr(65 + n)) for n, one in enumerate(targets)],
                 transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": {"excludeByName": hidden}}], **more)


def lanes(title, expression, legend, **more):
    """A lane for each series over time, coloured by its text."""
    return panel("state-timeline", title, [target(expression, legend)], custom={"fillOpacity": 80, "lineWidth": 0},
                 options={"mergeValues": True, "showValue": "never", "rowHeight": 0.8}, **more)


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"w": WIDTH, "h": 1}}


def placed(panels):
    """Panels from left to right, in lines as high as their highest; refIds and ids given."""
    x = y = line = 0
    for number, one in enumerate(panels, 1):
        place = one["gridPos"]
        if x + place["w"] > WIDTH:
            x, y, line = 0, y + line, 0
        place.update(x=x, y=y)
        x += place["w"]
        line = max(line, place["h"])
        one["id"] = number
        for index, query in enumerate(one.get("targets", [])):
            query.setdefault("refId", chr(65 + index))
    return panels


def variable(name, label, query, multi=True):
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "query": {"query": query, "refId": name}, "definition": query,
            "refresh": 2, "includeAll": multi, "multi": multi, "allValue": ".*", "current": {"text": "All", "value": "$__all"} if multi else {},
            "sort": 1}


def annotation(name, expression, colour):
    return {"name": name, "datasource": SOURCE, "enable": True, "expr": expression, "iconColor": colour, "titleFormat": name,
            "textFormat": "{{instance}} {{gpu_uuid}} {{result}}"}


CHANGES = annotation("Layout change", 'increase(mig_layout_changes_total{result="applied"}[1m]) > 0', "blue")
ROLLBACKS = annotation("Rolled back", 'increase(mig_layout_changes_total{result!="applied"}[1m]) > 0', "red")
DRIFT = annotation("Drift", "mig_layout_drift > 0", "orange")


def dashboard(uid, title, variables, panels, annotations=()):
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}}
    return {"uid": uid, "title": title, "tags": ["migctl", "MIG"], "schemaVersion": 38, "version": 1, "editable": True, "refresh": "15s",
            "time": {"from": "now-1h", "to": "now"}, "timezone": "browser", "templating": {"list": [source, *variables]},
            "annotations": {"list": list(annotations)}, "links": [
                {"type": "dashboards", "tags": ["migctl"], "title": "MIG", "asDropdown": True, "includeVars": True, "keepTime": True}],
            "panels": placed(panels)}


NODE = variable("instance", "Node", "label_values(mig_node_info, instance)")
GPU = variable("gpu_uuid", "GPU", 'label_values(mig_gpu_info{instance=~"$instance"}, gpu_uuid)')
TENANT = variable("tenant", "Tenant", "label_values(mig:instance:tenant, tenant)")
SIMULATED = stat("Simulated nodes", "sum(mig_node_simulated)", description="More than 0: figures of simulated GPUs are among these.")


def fleet():
    return dashboard("migctl-fleet", "MIG: fleet", [NODE], [
        row("Nodes"),
        stat("Nodes", 'count(mig_node_info{instance=~"$instance"})'),
        stat("GPUs", 'sum(mig_gpus{instance=~"$instance"})'),
        stat("GPUs in MIG mode", 'sum(mig_gpu_mode{instance=~"$instance",which="current"}) or vector(0)'),
        stat("Mode changes pending", 'count(max by (instance, gpu_uuid) (mig_gpu_mode{instance=~"$instance",which="pending"}) != on (instance, gpu_uuid) '
             'max by (instance, gpu_uuid) (mig_gpu_mode{instance=~"$instance",which="current"})) or vector(0)'),
        stat("Nodes without readings", 'sum(mig_readings_withdrawn{instance=~"$instance"})'),
        SIMULATED,
        row("Room"),
        stat("SMs allocated", 'sum(mig_gpu_multiprocessors_allocated{instance=~"$instance"}) / sum(mig_gpu_multiprocessors{instance=~"$instance"} and '
             'on (instance, gpu_uuid) mig_gpu_multiprocessors_allocated)', "percentunit", width=6),
        stat("SMs stranded", 'sum(mig_gpu_multiprocessors_stranded{instance=~"$instance"}) or vector(0)', width=6),
        stat("Requests that wait", 'sum(mig_queue_requests{instance=~"$instance"}) or vector(0)', width=6),
        stat("Idle leased instances", 'count(time() - mig_instance_idle_since_timestamp_seconds{instance=~"$instance"} > 600 and on (instance, gpu_uuid, '
             'gi) mig_instance_leased == 1) or vector(0)', width=6, description="Leased, and below 2 % SM activity for ten minutes."),
        panel("bargauge", "Further instances that fit now", [target('sum by (profile) (mig_gpu_placeable_instances{instance=~"$instance"})', "{{profile}}",
              instant=True)], width=12, options={"orientation": "horizontal", "displayMode": "basic"}),
        panel("bargauge", "Instances by profile", [target('count by (profile) (mig:instance:profile{instance=~"$instance"})', "{{profile}}", instant=True)],
              width=12, options={"orientation": "horizontal", "displayMode": "basic"}),
        row("Use"),
        ratio("Compute in use, by GPU", [target('mig:gpu:sm_activity:ratio{instance=~"$instance"}', "{{instance}} {{gpu_uuid}}")], width=12,
              description="SM activity of the instances, weighted by their SMs."),
        graph("Power by tenant", [target("mig:tenant:power:watts", "{{tenant}}"),
                                  target('sum(mig:gpu:energy_unattributed:rate5m{instance=~"$instance"})', "unattributed")], "watt", stacked=True, width=12),
        table("Energy of the last 24 hours, by tenant",
              [target("sum by (tenant) (sum_over_time(mig:tenant:energy:rate5m[24h]) * 15)", instant=True, table=True)], unit="joule", width=12),
        table("Who holds what, and uses how much of it", [
            target('mig:instance:tenant{instance=~"$instance"} * on (instance, gpu_uuid, gi) group_left (profile) mig:instance:profile', instant=True,
                   table=True)], width=12),
        row("Health"),
        graph("Xids", [target(f'sum by (instance, xid) (increase(mig_gpu_xid_events_total{{instance=~"$instance"}}[{RATE}])) or '
                              f'sum by (instance, xid) (increase(mig_instance_xid_events_total{{instance=~"$instance"}}[{RATE}]))', "{{instance}} Xid {{xid}}")],
              width=12),
        graph("Layout changes", [target(f'sum by (instance, result) (increase(mig_layout_changes_total{{instance=~"$instance"}}[{RATE}]))',
                                        "{{instance}} {{result}}")], width=12),
    ], [CHANGES, ROLLBACKS, DRIFT])


def node():
    of = 'instance=~"$instance",gpu_uuid=~"$gpu_uuid"'
    name = "{{gpu_uuid}} gi {{gi}}"
    return dashboard("migctl-node", "MIG: node", [NODE, GPU], [
        row("Layout"),
        lanes("Instances by first memory slice", f"mig_instance_placement_start{{{of}}} * on (instance, gpu_uuid, gi) group_left (profile, generation) "
              f"mig_instance_info{{{of}}}", "{{gpu_uuid}} gi {{gi}}: {{profile}}", width=16, height=9),
        table("Instances", [target(f"mig_instance_info{{{of}}}", instant=True, table=True),
                            target(f"mig_compute_instance_info{{{of}}}", instant=True, table=True)], width=8, height=9),
        lanes("Who holds them", f"mig:instance:tenant{{{of}}}", "{{gpu_uuid}} gi {{gi}}: {{tenant}}", width=16),
        stat("Drift", f"max(mig_layout_drift{{{of}}}) or vector(0)", description="1: the layout is not the one that was applied last."),
        SIMULATED,
        row("Instances"),
        ratio("SM activity", [target(f"mig_instance_sm_activity_ratio{{{of}}}", name)], width=12),
        ratio("Memory bandwidth in use", [target(f"mig_instance_dram_activity_ratio{{{of}}}", name)], width=12),
        ratio("Tensor cores", [target(f"mig_instance_tensor_activity_ratio{{{of}}}", name)], width=12),
        ratio("Occupancy", [target(f"mig_instance_sm_occupancy_ratio{{{of}}}", name)], width=12),
        ratio("Memory in use", [target(f"mig:instance:memory_used:ratio{{{of}}}", name)], width=12,
              description="Told once for each GPU instance: its compute instances share it."),
        graph("Processes", [target(f"sum by (gpu_uuid, gi) (mig_instance_processes{{{of}}})", name),
                            target(f"sum by (gpu_uuid, gi) (mig_instance_unleased_processes{{{of}}}) > 0", name + " without a lease")], width=12),
        table("Activity that is unknown, and why", [target(f'mig_instance_activity_source{{{of},source="unknown"}} or '
                                                           f'mig_gpu_activity_source{{{of},source="unknown"}}', instant=True, table=True)], width=24, height=6),
        row("Energy"),
        graph("Power: instances and what nobody is charged with", [
            target(f"mig_instance_power_watts{{{of}}}", name), target(f"mig:gpu:energy_unattributed:rate5m{{{of}}}", "{{gpu_uuid}} unattributed")], "watt",
            stacked=True, width=12),
        graph("Board power", [target(f"mig_gpu_power_watts{{{of}}}", "{{gpu_uuid}}"), target(f"mig_gpu_power_limit_watts{{{of}}}", "{{gpu_uuid}} limit")],
              "watt", width=12),
        row("Board"),
        graph("Temperature", [target(f"mig_gpu_temperature_celsius{{{of}}}", "{{gpu_uuid}}"),
                              target(f"mig_gpu_memory_temperature_celsius{{{of}}}", "{{gpu_uuid}} memory")], "celsius"),
        graph("Clocks", [target(f"mig_gpu_sm_clock_hertz{{{of}}}", "{{gpu_uuid}} SM"), target(f"mig_gpu_memory_clock_hertz{{{of}}}", "{{gpu_uuid}} memory")],
              "hertz"),
        ratio("Whole GPUs (not in MIG mode)", [target(f"mig_gpu_utilization_ratio{{{of}}}", "{{gpu_uuid}}"),
                                               target(f"mig_gpu_sm_activity_ratio{{{of}}}", "{{gpu_uuid}} SM")]),
        lanes("Throttled", f"mig_gpu_throttled{{{of}}} == 1", "{{gpu_uuid}} {{reason}}", width=12),
        graph("Errors", [target(f"increase(mig_gpu_ecc_uncorrected_errors_total{{{of}}}[{RATE}])", "{{gpu_uuid}} uncorrected"),
                         target(f"increase(mig_gpu_ecc_corrected_errors_total{{{of}}}[{RATE}])", "{{gpu_uuid}} corrected"),
                         target(f"increase(mig_instance_xid_events_total{{{of}}}[{RATE}])", name + " Xid {{xid}}"),
                         target(f"increase(mig_gpu_xid_events_total{{{of}}}[{RATE}])", "{{gpu_uuid}} Xid {{xid}}")], width=12),
        row("Collector"),
        graph("Time of a tick, by part", [target('mig_collector_duration_seconds{instance=~"$instance"}', "{{instance}} {{collector}}")], "s", stacked=True),
        lanes("Success", 'mig_collector_success{instance=~"$instance"}', "{{instance}} {{collector}}"),
        graph("Age of the page", [target('time() - mig_sampler_last_tick_timestamp_seconds{instance=~"$instance"}', "{{instance}}")], "s"),
    ], [CHANGES, ROLLBACKS, DRIFT])


def tenant():
    held = 'on (instance, gpu_uuid, gi) group_left (tenant) mig:instance:sole_tenant{tenant=~"$tenant"}'
    name = "{{tenant}}: {{gpu_uuid}} gi {{gi}}"
    return dashboard("migctl-tenant", "MIG: tenant", [TENANT], [
        row("Now"),
        stat("Instances", 'count(mig:instance:tenant{tenant=~"$tenant"}) or vector(0)', width=6),
        stat("SMs", 'sum(mig:tenant:multiprocessors{tenant=~"$tenant"}) or vector(0)', width=6),
        stat("Requests that wait", 'sum(mig_queue_requests{tenant=~"$tenant"}) or vector(0)', width=6),
        stat("Power", 'sum(mig:tenant:power:watts{tenant=~"$tenant"}) or vector(0)', "watt", width=6),
        row("Asked and used"),
        ratio("SM activity", [target(f"mig_instance_sm_activity_ratio * {held}", name)], width=12),
        ratio("Memory in use", [target(f"mig:instance:memory_used:ratio * {held}", name)], width=12),
        table("Asked and used in the last hour (95th percentile)", [
            target(f"quantile_over_time(0.95, mig_instance_sm_activity_ratio[1h]) * {held}", instant=True, table=True),
            target(f"quantile_over_time(0.95, mig:instance:memory_used:ratio[1h]) * {held}", instant=True, table=True)], unit="percentunit", width=12,
              description="Low in both: a smaller profile would do."),
        table("Leases", [target('mig_lease_info{tenant=~"$tenant"}', instant=True, table=True)], width=12),
        graph("Idle for", [target(f"(time() - mig_instance_idle_since_timestamp_seconds) * {held}", name)], "s", width=12),
        graph("Energy", [target('mig:tenant:energy:rate5m{tenant=~"$tenant"}', "{{tenant}}")], "watt", stacked=True, width=12),
    ])


def dcgm():
    """On DCGM's names, of ours (/metrics?dcgm=legacy) and of an unmodified dcgm-exporter up to 4.8."""
    host = variable("hostname", "Host", "label_values(DCGM_FI_DEV_POWER_USAGE, hostname)")
    of = 'hostname=~"$hostname"'
    mig = of + ',GPU_I_ID!=""'
    name = "{{hostname}} GPU {{gpu}} {{GPU_I_PROFILE}} gi {{GPU_I_ID}}"
    whole = "{{hostname}} GPU {{gpu}}"
    # What only the board has is repeated for each instance: one of them stands for the GPU.
    board = "max by (hostname, gpu, UUID) ({}{{" + of + "}})"
    return dashboard("migctl-dcgm", "MIG: DCGM's names", [host], [
        row("Instances"),
        ratio("Graphics and compute engines", [target(f"DCGM_FI_PROF_GR_ENGINE_ACTIVE{{{mig}}}", name)], width=12),
        ratio("Memory bandwidth", [target(f"DCGM_FI_PROF_DRAM_ACTIVE{{{mig}}}", name)], width=12),
        ratio("Tensor cores", [target(f"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{{{mig}}}", name)], width=12),
        graph("Memory in use", [target(f"DCGM_FI_DEV_FB_USED{{{mig}}}", name)], "mbytes", width=12),
        row("GPUs"),
        graph("Power", [target(board.format("DCGM_FI_DEV_POWER_USAGE"), whole)], "watt"),
        graph("Temperature", [target(board.format("DCGM_FI_DEV_GPU_TEMP"), whole)], "celsius"),
        graph("SM clock", [target(board.format("DCGM_FI_DEV_SM_CLOCK") + " * 1e6", whole)], "hertz"),
        graph("Utilisation (not in MIG mode)", [target(f"DCGM_FI_DEV_GPU_UTIL{{{of}}}", whole)], "percent", width=12),
        table("Last Xid", [target(f"DCGM_FI_DEV_XID_ERRORS{{{of}}} > 0", instant=True, table=True)], width=12),
    ])


def main():
    check = "--check" in sys.argv[1:]
    wrong = []
    for name, made in (("fleet", fleet()), ("node", node()), ("tenant", tenant()), ("dcgm", dcgm())):
        path = HERE / "dashboards" / f"{name}.json"
        text = json.dumps(made, indent=1) + "\n"
        if check:
            if not path.is_file() or path.read_text() != text:
                wrong.append(path.name)
        else:
            path.write_text(text)
    if wrong:
        print(f"dashboards: {', '.join(wrong)}: not what build.py makes; run integrations/grafana/build.py")
        return 1
    print("dashboards: 4")
    return 0


if __name__ == "__main__":
    sys.exit(main())
