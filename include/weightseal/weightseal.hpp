#pragma once
// weightseal: protects AI model weights. This header includes everything of the C++ API.
#include "weightseal/container/facts.hpp"        // what a container tells without a key, like `inspect`
#include "weightseal/container/layout.hpp"       // every byte offset of the container format
#include "weightseal/container/sealed_model.hpp" // open and read a container, like `SealedModel::open`
#include "weightseal/container/sealer.hpp"       // write a container, like `seal`
#include "weightseal/container/unseal.hpp"       // write the plaintext back, like `unseal`
#include "weightseal/core/aligned_buffer.hpp"    // memory for tensors, like `AlignedBuffer`
#include "weightseal/core/bytes.hpp"             // spans and checked arithmetic, like `checked_add`
#include "weightseal/core/digest.hpp"            // SHA-256, like `Digest`
#include "weightseal/core/dtype.hpp"             // element types, like `Dtype::bf16`
#include "weightseal/core/error.hpp"             // error codes, like `wrong_key`
#include "weightseal/core/progress.hpp"          // progress, cancelling and logging, like `Hooks`
#include "weightseal/core/suite.hpp"             // cipher suites, like `Suite::aes_256_gcm`
#include "weightseal/core/tensor.hpp"            // names, shapes and slices, like `TensorInfo`
#include "weightseal/core/version.hpp"           // version of the library, like `version_string`
#include "weightseal/formats/model_folder.hpp"   // model folders, like `folder_model`
#include "weightseal/formats/model_source.hpp"   // the interface of all inputs, like `ModelSource`
#include "weightseal/formats/safetensors.hpp"    // safetensors files, like `safetensors_model`
#include "weightseal/guard/client_key.hpp"       // who a request is charged to, like `client_address`
#include "weightseal/guard/decision.hpp"         // what the guard answers, like `http_fields`
#include "weightseal/guard/event_log.hpp"        // events that can be shown to others, like `EventLog`
#include "weightseal/guard/events.hpp"           // what it reports, like `GuardEvent`
#include "weightseal/guard/guard.hpp"            // budgets for clients, like `Guard`
#include "weightseal/guard/limits.hpp"           // how much a client may ask for, like `Limits`
#include "weightseal/guard/log_input.hpp"        // where logs are read from, like `open_log`
#include "weightseal/guard/metrics.hpp"          // counters for Prometheus, like `guard_metrics`
#include "weightseal/guard/replay.hpp"           // past traffic through limits, like `replay`
#include "weightseal/guard/shared.hpp"           // budgets on a server, like `SharedGuard`
#include "weightseal/guard/signals.hpp"          // what looks like extraction, like `Observation`
#include "weightseal/guard/verify_log.hpp"       // whether an event log holds, like `verify_log`
#include "weightseal/io/byte_source.hpp"         // files, memory and callbacks, like `file_source`
#include "weightseal/io/parallel.hpp"            // threads, ours or the engine's, like `Parallel`
#include "weightseal/io/remote_source.hpp"       // objects on web servers, like `https_source`
#include "weightseal/keys/key.hpp"               // keys and their text form, like `Key::parse`
#include "weightseal/keys/key_source.hpp"        // where keys come from, like `key_from_source`
#include "weightseal/keys/secret.hpp"            // guarded memory, like `Secret`
#include "weightseal/keys/signing.hpp"           // Ed25519, like `sign`
#include "weightseal/storage/audit.hpp"          // hold documents against an intent, like `audit`
#include "weightseal/storage/aws_policy.hpp"     // policies of AWS, like `Policy::parse`
#include "weightseal/storage/evaluate.hpp"       // what AWS decides about a request, like `evaluate`
#include "weightseal/storage/intent.hpp"         // who may do what with a bucket, like `Intent`
#include "weightseal/storage/live.hpp"           // a bucket itself, like `read_bucket`
#include "weightseal/storage/policy.hpp"         // documents that fulfil an intent, like `write_policy`
#include "weightseal/storage/report.hpp"         // reports for programs, like `report_sarif`
#include "weightseal/storage/request.hpp"        // callers and condition keys, like `Request`
#include "weightseal/watermark/align.hpp"        // symmetries of model families, like `ModelFamily`
#include "weightseal/watermark/detect.hpp"       // find a mark, like `detect`
#include "weightseal/watermark/mark.hpp"         // hide a mark, like `mark`
#include "weightseal/watermark/record.hpp"       // what a marking commits to, like `WatermarkRecord`
#include "weightseal/watermark/report.hpp"       // a page for people, like `detection_report`
#include "weightseal/watermark/statistics.hpp"   // the bound on chance, like `significance`
#include "weightseal/watermark/timestamp.hpp"    // RFC 3161, like `timestamp_request`
