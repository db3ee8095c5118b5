/* SPDX-License-Identifier: Apache-2.0
 *
 * Handles and structs of the NVML C ABI as driver R580 lays them out on x86-64. Layouts are
 * NVIDIA's interface; abi_vendor_test compares each size and each offset with the vendor's header.
 *
 * A struct whose first member is `version` is filled by the caller with the word nvml<Name>_v<N>
 * below it before the call. "MB" in member names means MiB; memory sizes are bytes otherwise.
 */
#ifndef MIG_ABI_NVML_TYPES_H_
#define MIG_ABI_NVML_TYPES_H_

#include "abi/nvml_constants.h"

/* Opaque handles. The library owns them; they are valid from nvmlInit to the last nvmlShutdown, or
 * until their object ends (an instance destroyed, a GPU reset). Never freed by the caller, except
 * event sets and GPM samples through their own calls. */
typedef struct nvmlDevice_st* nvmlDevice_t; /* a GPU or a MIG device (IsMigDeviceHandle) */
typedef struct nvmlGpuInstance_st* nvmlGpuInstance_t;
typedef struct nvmlComputeInstance_st* nvmlComputeInstance_t;
typedef struct nvmlUnit_st* nvmlUnit_t;
typedef struct nvmlEventSet_st* nvmlEventSet_t;
typedef struct nvmlSystemEventSet_st* nvmlSystemEventSet_t;
typedef struct nvmlGpmSample_st* nvmlGpmSample_t;

typedef unsigned nvmlDeviceArchitecture_t;
typedef unsigned nvmlBusType_t;
typedef unsigned nvmlAffinityScope_t;
typedef unsigned nvmlPowerSource_t;
typedef unsigned char nvmlGpuFabricState_t;
typedef unsigned char nvmlPowerScopeType_t;

/* --- MIG: slots are memory slices for GPU instances, compute slices for compute instances ------
 */
typedef struct {
  unsigned start, size;
} nvmlGpuInstancePlacement_t;

typedef struct {
  unsigned start, size;
} nvmlComputeInstancePlacement_t;

typedef struct {
  unsigned id, isP2pSupported, sliceCount, instanceCount, multiprocessorCount;
  unsigned copyEngineCount, decoderCount, encoderCount, jpegCount, ofaCount;
  unsigned long long memorySizeMB;
} nvmlGpuInstanceProfileInfo_t;

typedef struct {
  unsigned version;
  unsigned id, isP2pSupported, sliceCount, instanceCount, multiprocessorCount;
  unsigned copyEngineCount, decoderCount, encoderCount, jpegCount, ofaCount;
  unsigned long long memorySizeMB;
  char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
} nvmlGpuInstanceProfileInfo_v2_t;

#define nvmlGpuInstanceProfileInfo_v2 NVML_STRUCT_VERSION(GpuInstanceProfileInfo, 2)

typedef struct {
  unsigned version;
  unsigned id, sliceCount, instanceCount, multiprocessorCount;
  unsigned copyEngineCount, decoderCount, encoderCount, jpegCount, ofaCount;
  unsigned long long memorySizeMB;
  char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
  unsigned capabilities; /* NVML_GPU_INSTANCE_PROFILE_CAPS_* */
} nvmlGpuInstanceProfileInfo_v3_t;

#define nvmlGpuInstanceProfileInfo_v3 NVML_STRUCT_VERSION(GpuInstanceProfileInfo, 3)

typedef struct {
  nvmlDevice_t device; /* the parent GPU */
  unsigned id, profileId;
  nvmlGpuInstancePlacement_t placement;
} nvmlGpuInstanceInfo_t;

typedef struct {
  unsigned id, sliceCount, instanceCount, multiprocessorCount;
  unsigned sharedCopyEngineCount, sharedDecoderCount, sharedEncoderCount, sharedJpegCount;
  unsigned sharedOfaCount;
} nvmlComputeInstanceProfileInfo_t;

typedef struct {
  unsigned version;
  unsigned id, sliceCount, instanceCount, multiprocessorCount;
  unsigned sharedCopyEngineCount, sharedDecoderCount, sharedEncoderCount, sharedJpegCount;
  unsigned sharedOfaCount;
  char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
} nvmlComputeInstanceProfileInfo_v2_t;

#define nvmlComputeInstanceProfileInfo_v2 NVML_STRUCT_VERSION(ComputeInstanceProfileInfo, 2)

typedef struct {
  unsigned version;
  unsigned id, sliceCount, instanceCount, multiprocessorCount;
  unsigned sharedCopyEngineCount, sharedDecoderCount, sharedEncoderCount, sharedJpegCount;
  unsigned sharedOfaCount;
  char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
  unsigned capabilities; /* NVML_COMPUTE_INSTANCE_PROFILE_CAPS_* */
} nvmlComputeInstanceProfileInfo_v3_t;

#define nvmlComputeInstanceProfileInfo_v3 NVML_STRUCT_VERSION(ComputeInstanceProfileInfo, 3)

typedef struct {
  nvmlDevice_t device; /* the MIG device of this compute instance */
  nvmlGpuInstance_t gpuInstance;
  unsigned id, profileId;
  nvmlComputeInstancePlacement_t placement;
} nvmlComputeInstanceInfo_t;

/* Filled by the symbol without _v2. [not in the vendor's header] */
typedef struct {
  nvmlDevice_t device;
  nvmlGpuInstance_t gpuInstance;
  unsigned id, profileId;
} nvmlComputeInstanceInfo_v1_t;

typedef struct {
  unsigned multiprocessorCount;
  unsigned sharedCopyEngineCount, sharedDecoderCount, sharedEncoderCount, sharedJpegCount;
  unsigned sharedOfaCount;
  unsigned gpuInstanceSliceCount, computeInstanceSliceCount;
  unsigned long long memorySizeMB;
} nvmlDeviceAttributes_t;

/* Filled by the symbol without _v2. [not in the vendor's header] */
typedef struct {
  unsigned multiprocessorCount;
  unsigned sharedCopyEngineCount, sharedDecoderCount, sharedEncoderCount, sharedJpegCount;
  unsigned sharedOfaCount;
} nvmlDeviceAttributes_v1_t;

/* --- Identity ----------------------------------------------------------------------------------
 */
typedef struct {
  char busIdLegacy[NVML_DEVICE_PCI_BUS_ID_BUFFER_V2_SIZE]; /* 0000:3B:00.0 */
  unsigned domain, bus, device;
  unsigned pciDeviceId; /* device << 16 | vendor */
  unsigned pciSubSystemId;
  char busId[NVML_DEVICE_PCI_BUS_ID_BUFFER_SIZE]; /* 00000000:3B:00.0 */
} nvmlPciInfo_t;

typedef struct {
  unsigned version;
  unsigned domain, bus, device, pciDeviceId, pciSubSystemId, baseClass, subClass;
  char busId[NVML_DEVICE_PCI_BUS_ID_BUFFER_SIZE];
} nvmlPciInfoExt_v1_t;

#define nvmlPciInfoExt_v1 NVML_STRUCT_VERSION(PciInfoExt, 1)

typedef union {
  char str[NVML_DEVICE_UUID_ASCII_LEN];
  unsigned char bytes[NVML_DEVICE_UUID_BINARY_LEN];
} nvmlUUIDValue_t;

typedef struct {
  unsigned version;
  unsigned type; /* nvmlUUIDType_t */
  nvmlUUIDValue_t value;
} nvmlUUID_v1_t;

#define nvmlUUID_v1 NVML_STRUCT_VERSION(UUID, 1)

typedef struct {
  unsigned version;
  unsigned long long value;
} nvmlPdi_v1_t;

#define nvmlPdi_v1 NVML_STRUCT_VERSION(Pdi, 1)

typedef struct {
  unsigned version;
  unsigned value; /* nvmlDeviceAddressingModeType_t */
} nvmlDeviceAddressingMode_v1_t;

#define nvmlDeviceAddressingMode_v1 NVML_STRUCT_VERSION(DeviceAddressingMode, 1)

typedef struct {
  unsigned version;
  char branch[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE];
} nvmlSystemDriverBranchInfo_v1_t;

#define nvmlSystemDriverBranchInfo_v1 NVML_STRUCT_VERSION(SystemDriverBranchInfo, 1)

typedef struct {
  nvmlPciInfo_t pciInfo;
  char uuid[NVML_DEVICE_UUID_BUFFER_SIZE];
} nvmlExcludedDeviceInfo_t;

typedef struct {
  unsigned isC2cEnabled;
} nvmlC2cModeInfo_v1_t;

#define NVML_DEV_CAP_EGM 1u

typedef struct {
  unsigned version;
  unsigned capMask; /* NVML_DEV_CAP_* */
} nvmlDeviceCapabilities_v1_t;

#define nvmlDeviceCapabilities_v1 NVML_STRUCT_VERSION(DeviceCapabilities, 1)

typedef struct {
  unsigned hwbcId;
  char firmwareVersion[32];
} nvmlHwbcEntry_t;

typedef struct {
  nvmlBridgeChipType_t type;
  unsigned fwVersion;
} nvmlBridgeChipInfo_t;

typedef struct {
  unsigned char bridgeCount;
  nvmlBridgeChipInfo_t bridgeChipInfo[NVML_MAX_PHYSICAL_BRIDGE];
} nvmlBridgeChipHierarchy_t;

/* --- Memory ------------------------------------------------------------------------------------
 */
typedef struct {
  unsigned long long total, free, used; /* used includes the driver's reserved memory */
} nvmlMemory_t;

typedef struct {
  unsigned version;
  unsigned long long total, reserved, free, used;
} nvmlMemory_v2_t;

#define nvmlMemory_v2 NVML_STRUCT_VERSION(Memory, 2)

typedef struct {
  unsigned long long bar1Total, bar1Free, bar1Used;
} nvmlBAR1Memory_t;

typedef struct {
  unsigned long long l1Cache, l2Cache, deviceMemory, registerFile;
} nvmlEccErrorCounts_t;

typedef struct {
  unsigned version;
  unsigned long long aggregateUncParity, aggregateUncSecDed, aggregateCor;
  unsigned long long volatileUncParity, volatileUncSecDed, volatileCor;
  unsigned long long aggregateUncBucketL2, aggregateUncBucketSm, aggregateUncBucketPcie;
  unsigned long long aggregateUncBucketMcu, aggregateUncBucketOther;
  unsigned bThresholdExceeded;
} nvmlEccSramErrorStatus_v1_t;

#define nvmlEccSramErrorStatus_v1 NVML_STRUCT_VERSION(EccSramErrorStatus, 1)

typedef struct {
  unsigned max, high, partial, low, none;
} nvmlRowRemapperHistogramValues_t;

typedef struct {
  unsigned version;
  unsigned bChannelRepairPending, bTpcRepairPending;
} nvmlRepairStatus_v1_t;

#define nvmlRepairStatus_v1 NVML_STRUCT_VERSION(RepairStatus, 1)

/* Without a version word, as NVIDIA's reference of later drivers has it; driver 580.159 exports the
 * call. [not in the vendor's header] */
typedef struct {
  unsigned corrActiveRemaps, corrInactiveRemaps, uncActiveRemaps, uncInactiveRemaps;
  unsigned bPending, bFailureOccurred;
} nvmlRemappedRowsInfo_v2_t;

/* No version word, as above. [not in the vendor's header] */
typedef struct {
  unsigned bUnrepairableMemory;
} nvmlUnrepairableMemoryStatus_v1_t;

/* --- Confidential computing --------------------------------------------------------------------
 */
typedef struct {
  unsigned environment, ccFeature, devToolsMode;
} nvmlConfComputeSystemState_t;

typedef struct {
  unsigned cpuCaps, gpusCaps;
} nvmlConfComputeSystemCaps_t;

typedef struct {
  unsigned version;
  unsigned environment, ccFeature, devToolsMode, multiGpuMode;
} nvmlSystemConfComputeSettings_v1_t;

#define nvmlSystemConfComputeSettings_v1 NVML_STRUCT_VERSION(SystemConfComputeSettings, 1)

typedef struct {
  unsigned version;
  unsigned long long attackerAdvantage;
} nvmlConfComputeGetKeyRotationThresholdInfo_v1_t;

#define nvmlConfComputeGetKeyRotationThresholdInfo_v1 \
  NVML_STRUCT_VERSION(ConfComputeGetKeyRotationThresholdInfo, 1)

typedef struct {
  unsigned long long protectedMemSizeKib, unprotectedMemSizeKib;
} nvmlConfComputeMemSizeInfo_t;

/* --- Processes ---------------------------------------------------------------------------------
 */
typedef struct {
  unsigned pid;
  unsigned long long usedGpuMemory; /* NVML_VALUE_NOT_AVAILABLE where unknown */
} nvmlProcessInfo_v1_t;

/* Shared by the _v2 and _v3 calls; both ids are all ones outside MIG. */
typedef struct {
  unsigned pid;
  unsigned long long usedGpuMemory;
  unsigned gpuInstanceId, computeInstanceId;
} nvmlProcessInfo_v2_t;

typedef nvmlProcessInfo_v2_t nvmlProcessInfo_t;

typedef struct {
  unsigned pid;
  unsigned long long usedGpuMemory;
  unsigned gpuInstanceId, computeInstanceId;
  unsigned long long usedGpuCcProtectedMemory;
} nvmlProcessDetail_v1_t;

typedef struct {
  unsigned version;
  unsigned mode; /* 0 compute, 1 graphics, 2 MPS */
  unsigned numProcArrayEntries;
  nvmlProcessDetail_v1_t* procArray;
} nvmlProcessDetailList_v1_t;

#define nvmlProcessDetailList_v1 NVML_STRUCT_VERSION(ProcessDetailList, 1)

typedef struct {
  unsigned pid;
  unsigned long long timeStamp; /* microseconds since the epoch */
  unsigned smUtil, memUtil, encUtil, decUtil;
} nvmlProcessUtilizationSample_t;

typedef struct {
  unsigned long long timeStamp;
  unsigned pid, smUtil, memUtil, encUtil, decUtil, jpgUtil, ofaUtil;
} nvmlProcessUtilizationInfo_v1_t;

typedef struct {
  unsigned version;
  unsigned processSamplesCount;
  unsigned long long lastSeenTimeStamp;
  nvmlProcessUtilizationInfo_v1_t* procUtilArray;
} nvmlProcessesUtilizationInfo_v1_t;

#define nvmlProcessesUtilizationInfo_v1 NVML_STRUCT_VERSION(ProcessesUtilizationInfo, 1)

typedef struct {
  unsigned gpuUtilization, memoryUtilization;
  unsigned long long maxMemoryUsage, time, startTime;
  unsigned isRunning;
  unsigned reserved[5];
} nvmlAccountingStats_t;

/* --- Activity, clocks, power, heat -------------------------------------------------------------
 */
typedef struct {
  unsigned gpu, memory; /* per cent of the last sample period */
} nvmlUtilization_t;

typedef union {
  double dVal;
  int siVal;
  unsigned uiVal;
  unsigned long ulVal;
  unsigned long long ullVal;
  signed long long sllVal;
  unsigned short usVal;
} nvmlValue_t;

typedef struct {
  unsigned long long timeStamp;
  nvmlValue_t sampleValue;
} nvmlSample_t;

typedef struct {
  unsigned fieldId;
  unsigned scopeId;
  long long timestamp, latencyUsec;
  nvmlValueType_t valueType;
  nvmlReturn_t nvmlReturn; /* result of this value; with an error the rest is invalid */
  nvmlValue_t value;
} nvmlFieldValue_t;

typedef struct {
  unsigned long long referenceTime, violationTime; /* microseconds, nanoseconds */
} nvmlViolationTime_t;

typedef struct {
  unsigned version;
  nvmlTemperatureSensors_t sensorType;
  int temperature;
} nvmlTemperature_v1_t;

#define nvmlTemperature_v1 NVML_STRUCT_VERSION(Temperature, 1)

typedef struct {
  unsigned version;
  int marginTemperature;
} nvmlMarginTemperature_v1_t;

#define nvmlMarginTemperature_v1 NVML_STRUCT_VERSION(MarginTemperature, 1)

typedef struct {
  unsigned version;
  unsigned fan, speed;
} nvmlFanSpeedInfo_v1_t;

#define nvmlFanSpeedInfo_v1 NVML_STRUCT_VERSION(FanSpeedInfo, 1)

typedef struct {
  unsigned version;
  nvmlPowerScopeType_t powerScope;
  unsigned powerValueMw;
} nvmlPowerValue_v2_t;

#define nvmlPowerValue_v2 NVML_STRUCT_VERSION(PowerValue, 2)

typedef struct {
  unsigned sessionsCount, averageFPS, averageLatency;
} nvmlFBCStats_t;

/* --- Fabric ------------------------------------------------------------------------------------
 */
typedef struct {
  unsigned char clusterUuid[NVML_GPU_FABRIC_UUID_LEN];
  nvmlReturn_t status;
  unsigned cliqueId;
  nvmlGpuFabricState_t state;
} nvmlGpuFabricInfo_t;

typedef struct {
  unsigned version;
  unsigned char clusterUuid[NVML_GPU_FABRIC_UUID_LEN];
  nvmlReturn_t status;
  unsigned cliqueId;
  nvmlGpuFabricState_t state;
  unsigned healthMask;
} nvmlGpuFabricInfo_v2_t;

#define nvmlGpuFabricInfo_v2 NVML_STRUCT_VERSION(GpuFabricInfo, 2)

typedef struct {
  unsigned version;
  unsigned char clusterUuid[NVML_GPU_FABRIC_UUID_LEN];
  nvmlReturn_t status;
  unsigned cliqueId;
  nvmlGpuFabricState_t state;
  unsigned healthMask;
  unsigned char healthSummary;
} nvmlGpuFabricInfo_v3_t;

#define nvmlGpuFabricInfo_v3 NVML_STRUCT_VERSION(GpuFabricInfo, 3)

/* --- Events ------------------------------------------------------------------------------------
 */
typedef struct {
  nvmlDevice_t device;
  unsigned long long eventType, eventData;   /* eventData of an Xid event is the Xid */
  unsigned gpuInstanceId, computeInstanceId; /* all ones: the whole GPU */
} nvmlEventData_t;

/* Filled by nvmlEventSetWait without _v2. [not in the vendor's header] */
typedef struct {
  nvmlDevice_t device;
  unsigned long long eventType, eventData;
} nvmlEventData_v1_t;

typedef struct {
  unsigned version;
  nvmlSystemEventSet_t set;
} nvmlSystemEventSetCreateRequest_v1_t;

#define nvmlSystemEventSetCreateRequest_v1 NVML_STRUCT_VERSION(SystemEventSetCreateRequest, 1)

typedef struct {
  unsigned version;
  nvmlSystemEventSet_t set;
} nvmlSystemEventSetFreeRequest_v1_t;

#define nvmlSystemEventSetFreeRequest_v1 NVML_STRUCT_VERSION(SystemEventSetFreeRequest, 1)

typedef struct {
  unsigned version;
  unsigned long long eventTypes;
  nvmlSystemEventSet_t set;
} nvmlSystemRegisterEventRequest_v1_t;

#define nvmlSystemRegisterEventRequest_v1 NVML_STRUCT_VERSION(SystemRegisterEventRequest, 1)

typedef struct {
  unsigned long long eventType;
  unsigned gpuId;
} nvmlSystemEventData_v1_t;

typedef struct {
  unsigned version;
  unsigned timeoutms;
  nvmlSystemEventSet_t set;
  nvmlSystemEventData_v1_t* data;
  unsigned dataSize, numEvent;
} nvmlSystemEventSetWaitRequest_v1_t;

#define nvmlSystemEventSetWaitRequest_v1 NVML_STRUCT_VERSION(SystemEventSetWaitRequest, 1)

/* --- GPM ---------------------------------------------------------------------------------------
 */
typedef struct {
  char* shortName;
  char* longName;
  char* unit;
} nvmlGpmMetricMetricInfo_t; /* [not in the vendor's header]: unnamed there */

typedef struct {
  unsigned metricId;
  nvmlReturn_t nvmlReturn;
  double value;
  nvmlGpmMetricMetricInfo_t metricInfo; /* strings owned by the library */
} nvmlGpmMetric_t;

/* The array's length differs between headers; a library uses the first numMetrics entries only. */
typedef struct {
  unsigned version, numMetrics;
  nvmlGpmSample_t sample1, sample2;
  nvmlGpmMetric_t metrics[NVML_GPM_METRIC_MAX];
} nvmlGpmMetricsGet_t;

typedef struct {
  unsigned version, isSupportedDevice;
} nvmlGpmSupport_t;

#endif /* MIG_ABI_NVML_TYPES_H_ */
