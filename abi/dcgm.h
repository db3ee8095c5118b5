/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own minimal declarations of the C ABI of NVIDIA's libdcgm.so.4 (and .3): what a client of a
 * running host engine needs to watch profiling fields of GPU and compute instances. Usable from C
 * and C++. The manager's loader (src/dcgm) and the tests' own library (sim/dcgm) include it.
 *
 * Names, numbers and layouts were read in NVIDIA/DCGM on GitHub: dcgmlib/dcgm_structs.h at commits
 * 1f7a418e2dd8b10a4d37758e49419502b102d367 (4.0) and 72fa3feaa67d716a75323a8f47c34ff3ee73f824
 * (4.6), dcgmlib/dcgm_agent.h at 0d22068b8af4ff97ed8dc126da427ce4cf613e23, dcgmlib/dcgm_fields.h at
 * 28bfbd4c97413d4aec249cdd9543a67d24f95b78 (2.x). Those that are here are equal in all of them. No
 * package registry has these headers, so no test compares them: the assertions below hold the sizes
 * and offsets that follow from NVIDIA's declarations on x86-64 and AArch64.
 *
 * Contract: every call goes to the host engine and waits for its answer. Handles of all kinds are
 * integers; 0 is none. A struct that begins with `version` is filled with its word by the caller.
 */
#ifndef MIG_ABI_DCGM_H_
#define MIG_ABI_DCGM_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define MIG_DCGM_ASSERT(condition) static_assert(condition, #condition)
#else
#define MIG_DCGM_ASSERT(condition) _Static_assert(condition, #condition)
#endif

/* Version word: the size of the struct, and the number of its version in the highest byte. */
#define MAKE_DCGM_VERSION(type, number) \
  ((unsigned)(sizeof(type) | ((unsigned long)(number) << 24U)))

enum {
  DCGM_MAX_NUM_DEVICES = 32,
  DCGM_MAX_STR_LENGTH = 256,
  DCGM_MAX_BLOB_LENGTH = 4096,
  DCGM_MAX_HIERARCHY_INFO = DCGM_MAX_NUM_DEVICES * 14, /* 14 instances of a GPU, of both kinds */
  DCGM_GROUP_MAX_ENTITIES = 64,                        /* of 3.x; 4.x takes more */
  DCGM_HE_PORT_NUMBER = 5555
};

typedef enum {
  DCGM_ST_OK = 0,
  DCGM_ST_BADPARAM = -1,
  DCGM_ST_GENERIC_ERROR = -3,
  DCGM_ST_NOT_CONFIGURED = -5,
  DCGM_ST_NOT_SUPPORTED = -6,
  DCGM_ST_INIT_ERROR = -7,
  DCGM_ST_UNINITIALIZED = -10,
  DCGM_ST_TIMEOUT = -11,
  DCGM_ST_VER_MISMATCH = -12,
  DCGM_ST_UNKNOWN_FIELD = -13,
  DCGM_ST_NO_DATA = -14,
  DCGM_ST_STALE_DATA = -15,
  DCGM_ST_NOT_WATCHED = -16,
  DCGM_ST_NO_PERMISSION = -17,
  DCGM_ST_CONNECTION_NOT_VALID = -21,
  DCGM_ST_MAX_LIMIT = -24,
  DCGM_ST_DUPLICATE_KEY = -26,
  DCGM_ST_REQUIRES_ROOT = -29,
  DCGM_ST_IN_USE = -34,
  DCGM_ST_PROFILING_NOT_SUPPORTED = -36,
  DCGM_ST_PROFILING_MULTI_PASS = -38
} dcgmReturn_t;

/* What an entity is; its id is unique among those of its kind only. */
typedef enum {
  DCGM_FE_NONE = 0,
  DCGM_FE_GPU = 1,
  DCGM_FE_GPU_I = 4, /* GPU instance */
  DCGM_FE_GPU_CI = 5 /* compute instance */
} dcgm_field_entity_group_t;

typedef unsigned dcgm_field_eid_t;
typedef uintptr_t dcgmHandle_t;   /* a connection */
typedef uintptr_t dcgmGpuGrp_t;   /* a group of entities */
typedef uintptr_t dcgmFieldGrp_t; /* a group of fields */

typedef enum { DCGM_GROUP_EMPTY = 1 } dcgmGroupType_t;

/* Types of a field's value. */
enum { DCGM_FT_DOUBLE = 'd', DCGM_FT_INT64 = 'i', DCGM_FT_STRING = 's' };

/* Fields. The ratios are from 0 to 1, traffic is in bytes per second. */
enum {
  DCGM_FI_DEV_UUID = 54,
  DCGM_FI_PROF_GR_ENGINE_ACTIVE = 1001,
  DCGM_FI_PROF_SM_ACTIVE = 1002,
  DCGM_FI_PROF_SM_OCCUPANCY = 1003,
  DCGM_FI_PROF_PIPE_TENSOR_ACTIVE = 1004,
  DCGM_FI_PROF_DRAM_ACTIVE = 1005,
  DCGM_FI_PROF_PIPE_FP64_ACTIVE = 1006,
  DCGM_FI_PROF_PIPE_FP32_ACTIVE = 1007,
  DCGM_FI_PROF_PIPE_FP16_ACTIVE = 1008,
  DCGM_FI_PROF_PCIE_TX_BYTES = 1009,
  DCGM_FI_PROF_PCIE_RX_BYTES = 1010
};

/* Values from these on are no values: +0 blank, +1 not found, +2 not supported, +3 no permission.
 */
#define DCGM_INT64_BLANK INT64_C(0x7ffffffffffffff0)
#define DCGM_FP64_BLANK 140737488355328.0 /* 2 to the 47th */

typedef struct {
  unsigned version;
  unsigned persistAfterDisconnect; /* 0: watches and groups end with the connection */
  unsigned timeoutMs;              /* of the attempt to connect */
  unsigned addressIsUnixSocket;
} dcgmConnectV2Params_v2;

#define dcgmConnectV2Params_version2 MAKE_DCGM_VERSION(dcgmConnectV2Params_v2, 2)

typedef struct {
  dcgm_field_entity_group_t entityGroupId;
  dcgm_field_eid_t entityId;
} dcgmGroupEntityPair_t;

typedef struct {
  char gpuUuid[128];
  unsigned nvmlGpuIndex;
  unsigned nvmlInstanceId;        /* id of the GPU instance, as NVML's */
  unsigned nvmlComputeInstanceId; /* within its GPU instance; -1 for a GPU instance */
  unsigned nvmlMigProfileId;
  unsigned nvmlProfileSlices;
} dcgmMigEntityInfo_t;

typedef struct {
  dcgmGroupEntityPair_t entity;
  dcgmGroupEntityPair_t parent; /* GPU of a GPU instance, GPU instance of a compute instance */
  dcgmMigEntityInfo_t info;
} dcgmMigHierarchyInfo_v2;

typedef struct {
  unsigned version;
  unsigned count;
  dcgmMigHierarchyInfo_v2 entityList[DCGM_MAX_HIERARCHY_INFO];
} dcgmMigHierarchy_v2;

#define dcgmMigHierarchy_version2 MAKE_DCGM_VERSION(dcgmMigHierarchy_v2, 2)

typedef struct {
  unsigned version;
  dcgm_field_entity_group_t entityGroupId;
  dcgm_field_eid_t entityId;
  unsigned short fieldId;
  unsigned short fieldType; /* DCGM_FT_... */
  int status;               /* a dcgmReturn_t; other than DCGM_ST_OK: `value` is none */
  unsigned unused;
  int64_t ts; /* Unix time in microseconds */

  union {
    int64_t i64;
    double dbl;
    char str[DCGM_MAX_STR_LENGTH];
    char blob[DCGM_MAX_BLOB_LENGTH];
  } value;
} dcgmFieldValue_v2;

#define dcgmFieldValue_version2 MAKE_DCGM_VERSION(dcgmFieldValue_v2, 2)

/* Of dcgmEntitiesGetLatestValues: ask the driver, not the cache. */
enum { DCGM_FV_FLAG_LIVE_DATA = 1 };

MIG_DCGM_ASSERT(sizeof(dcgmReturn_t) == 4 && sizeof(dcgm_field_entity_group_t) == 4);
MIG_DCGM_ASSERT(sizeof(dcgmConnectV2Params_v2) == 16);
MIG_DCGM_ASSERT(sizeof(dcgmGroupEntityPair_t) == 8);
MIG_DCGM_ASSERT(sizeof(dcgmMigEntityInfo_t) == 148);
MIG_DCGM_ASSERT(offsetof(dcgmMigEntityInfo_t, nvmlInstanceId) == 132);
MIG_DCGM_ASSERT(sizeof(dcgmMigHierarchyInfo_v2) == 164);
MIG_DCGM_ASSERT(offsetof(dcgmMigHierarchyInfo_v2, info) == 16);
MIG_DCGM_ASSERT(sizeof(dcgmMigHierarchy_v2) == 73480);
MIG_DCGM_ASSERT(sizeof(dcgmFieldValue_v2) == 4128);
MIG_DCGM_ASSERT(offsetof(dcgmFieldValue_v2, fieldId) == 12);
MIG_DCGM_ASSERT(offsetof(dcgmFieldValue_v2, status) == 16);
MIG_DCGM_ASSERT(offsetof(dcgmFieldValue_v2, ts) == 24);
MIG_DCGM_ASSERT(offsetof(dcgmFieldValue_v2, value) == 32);
MIG_DCGM_ASSERT(dcgmConnectV2Params_version2 == 0x02000010U);
MIG_DCGM_ASSERT(dcgmMigHierarchy_version2 == 0x02011F08U);
MIG_DCGM_ASSERT(dcgmFieldValue_version2 == 0x02001020U);

/* clang-format off */
dcgmReturn_t dcgmInit(void);
dcgmReturn_t dcgmShutdown(void);
dcgmReturn_t dcgmConnect_v2(const char* address, dcgmConnectV2Params_v2* parameters, dcgmHandle_t* connection);
dcgmReturn_t dcgmDisconnect(dcgmHandle_t connection);
const char* errorString(dcgmReturn_t result); /* null for an unknown code */

dcgmReturn_t dcgmGetAllDevices(dcgmHandle_t connection, unsigned ids[DCGM_MAX_NUM_DEVICES], int* count);
dcgmReturn_t dcgmGetGpuInstanceHierarchy(dcgmHandle_t connection, dcgmMigHierarchy_v2* hierarchy);

dcgmReturn_t dcgmGroupCreate(dcgmHandle_t connection, dcgmGroupType_t type, const char* name, dcgmGpuGrp_t* group);
dcgmReturn_t dcgmGroupAddEntity(dcgmHandle_t connection, dcgmGpuGrp_t group, dcgm_field_entity_group_t kind, dcgm_field_eid_t id);
dcgmReturn_t dcgmGroupDestroy(dcgmHandle_t connection, dcgmGpuGrp_t group);
dcgmReturn_t dcgmFieldGroupCreate(dcgmHandle_t connection, int count, unsigned short* fields, const char* name, dcgmFieldGrp_t* group);
dcgmReturn_t dcgmFieldGroupDestroy(dcgmHandle_t connection, dcgmFieldGrp_t group);

/* `every_us`: microseconds between updates; kept for `seconds`, `samples` at most (0: any number). */
dcgmReturn_t dcgmWatchFields(dcgmHandle_t connection, dcgmGpuGrp_t group, dcgmFieldGrp_t fields, long long every_us, double seconds, int samples);
dcgmReturn_t dcgmUnwatchFields(dcgmHandle_t connection, dcgmGpuGrp_t group, dcgmFieldGrp_t fields);
/* `values` has room for entity_count * field_count; they come in any order. */
dcgmReturn_t dcgmEntitiesGetLatestValues(dcgmHandle_t connection, dcgmGroupEntityPair_t* entities, unsigned entity_count, unsigned short* fields, unsigned field_count, unsigned flags, dcgmFieldValue_v2* values);
/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif /* MIG_ABI_DCGM_H_ */
