// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"
#include "wire/events.h"

namespace mig::wire {

EventNews without_owner(EventNews news) {
  news.lease.reset();
  news.uid.reset();
  news.tenant.clear();
  news.job.clear();
  return news;
}

std::string event_document(const EventNews& news, const std::string& id, const Source& source) {
  Json document = begin_document("Event", source);
  document["id"] = id;
  document["type"] = news.type;
  document["alert"] = text_or_null(news.alert);
  document["action"] = text_or_null(news.action);
  document["message"] = news.message;
  document["timeMs"] = news.time_ms;
  document["gpu"] = or_null(news.gpu);
  document["gpuUuid"] = text_or_null(news.gpu_uuid);
  document["gpuInstance"] = or_null(news.gpu_instance);
  document["computeInstance"] = or_null(news.compute_instance);
  document["instance"] = text_or_null(news.instance);
  document["lease"] = or_null(news.lease);
  document["tenant"] = text_or_null(news.tenant);
  document["uid"] = or_null(news.uid);
  document["job"] = text_or_null(news.job);
  document["xid"] = or_null(news.xid);
  document["count"] = or_null(news.count);
  // Line breaks in a text are escaped: the document is one line, as server-sent events need it.
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mig::wire
