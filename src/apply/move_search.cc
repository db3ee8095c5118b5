// SPDX-License-Identifier: Apache-2.0
#include "apply/move_search.h"

#include <algorithm>
#include <utility>

#include "planner/planner.h"

namespace mig::apply {
namespace {

bool cross(Placement a, Placement b) {
  return a.start < b.end() && b.start < a.end();
}

bool is_busy(const Gpu& gpu, const GpuInstance& instance) {
  return gpu.in_use(instance.id);
}

DesiredInstance as_it_is(const GpuInstance& instance) {
  DesiredInstance out;
  out.profile = instance.name;
  out.placement = instance.placement;
  for (const ComputeInstance& compute : instance.compute_instances) {
    out.compute_instances.push_back(compute.name);
    out.compute_placements.push_back(compute.placement);
  }
  return out;
}

// Equal shape: same profile and compute instances.
bool alike(const GpuInstance& a, const GpuInstance& b) {
  return a.name == b.name &&
         std::equal(a.compute_instances.begin(),
                    a.compute_instances.end(),
                    b.compute_instances.begin(),
                    b.compute_instances.end(),
                    [](const ComputeInstance& one, const ComputeInstance& other) {
                      return one.name == other.name && one.placement == other.placement;
                    });
}

Inventory only(const Gpu& gpu) {
  Inventory out;
  out.gpus = {gpu};
  return out;
}

}  // namespace

MoveSearch::MoveSearch(const Inventory& now, const DesiredLayout& desired, std::size_t most_looks)
    : now_(now), desired_(desired), most_looks_(most_looks) {
  find_busy();
  find_movable();
}

void MoveSearch::find_busy() {
  for (const DesiredGpu& wanted : desired_.gpus) {
    const Gpu* gpu = now_.find_gpu(wanted.gpu);
    std::vector<std::size_t> here;
    for (const GpuInstance& instance : gpu->instances) {
      if (!is_busy(*gpu, instance)) {
        continue;
      }
      const auto same = std::find_if(busy_.begin(), busy_.end(), [&](const Busy& other) {
        return alike(*other.instance, instance);
      });
      here.push_back(busy_.size());
      busy_.push_back(
          {gpus_.size(), &instance, same == busy_.end() ? busy_.size() : same->shape, false});
    }
    gpus_.push_back(gpu);
    busy_on_.push_back(std::move(here));
  }
  leaving_.resize(gpus_.size());
  incoming_.resize(gpus_.size());
}

// Upper bound per instance: a placement on a GPU from which everything busy may leave; an instance
// without one can never move.
void MoveSearch::find_movable() {
  for (std::size_t i = 0; i < busy_.size(); ++i) {
    const std::vector<Place> places = places_for(busy_[i]);
    busy_[i].movable = std::any_of(places.begin(), places.end(), [&](const Place& one) {
      const Incoming alone = {{i, one.at}};
      return beside(one.gpu, alone) != Beside::kNo && stands(one.gpu, ~Leaving{0}, alone);
    });
    if (!busy_[i].movable) {
      const GpuIndex index = gpus_[busy_[i].gpu]->index;
      immovable_.push_back({index, *busy_[i].instance, index, {}});
    }
  }
}

// The instance's own GPU first: a successor elsewhere is costlier for the work.
std::vector<MoveSearch::Place> MoveSearch::places_for(const Busy& busy) const {
  std::vector<Place> places;
  for (const bool own : {true, false}) {
    for (std::size_t i = 0; i < gpus_.size(); ++i) {
      const Gpu& gpu = *gpus_[i];
      if ((i == busy.gpu) != own || gpu.mig_current != MigMode::kEnabled ||
          !desired_.gpus[i].mig_enabled) {
        continue;
      }
      const GpuInstanceProfile* profile = gpu.find_profile(busy.instance->name);
      for (const Placement at :
           profile != nullptr ? profile->placements : std::vector<Placement>()) {
        places.push_back({i, at});
      }
    }
  }
  return places;
}

MoveSearch::Key MoveSearch::key_of(std::size_t gpu,
                                   Leaving leaving,
                                   const Incoming& incoming) const {
  std::vector<std::tuple<std::size_t, Placement>> shapes;
  shapes.reserve(incoming.size());
  for (const auto& [busy, at] : incoming) {
    shapes.emplace_back(busy_[busy].shape, at);
  }
  std::sort(shapes.begin(), shapes.end());
  return {gpu, leaving, std::move(shapes)};
}

// Asks the planner, which knows the driver's rules.
bool MoveSearch::plans(const Gpu& gpu, const DesiredGpu& wanted) {
  looks_ += kPlanLooks;
  DesiredLayout layout;
  layout.gpus = {wanted};
  const auto plan = planner::plan(only(gpu), layout, {});
  return plan && !plan->blocked();
}

bool MoveSearch::stands(std::size_t gpu, Leaving leaving, const Incoming& incoming) {
  ++looks_;
  const auto [it, fresh] = stands_.try_emplace(key_of(gpu, leaving, incoming), false);
  if (fresh) {
    it->second = plans(moved(gpu, leaving, incoming), desired_.gpus[gpu]);
  }
  return it->second;
}

MoveSearch::Beside MoveSearch::beside(std::size_t gpu, const Incoming& incoming) {
  ++looks_;
  const auto [it, fresh] = beside_.try_emplace(key_of(gpu, 0, incoming), Beside::kNo);
  if (fresh) {
    it->second = look_beside(gpu, incoming);
  }
  return it->second;
}

MoveSearch::Beside MoveSearch::look_beside(std::size_t gpu, const Incoming& incoming) {
  for (std::size_t i = 0; i < incoming.size(); ++i) {
    for (const std::size_t busy : busy_on_[gpu]) {
      if (cross(busy_[busy].instance->placement, incoming[i].second)) {
        return Beside::kNo;
      }
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (cross(incoming[j].second, incoming[i].second)) {
        return Beside::kNo;
      }
    }
  }
  for (const Beside how : {Beside::kOverlappedGo, Beside::kIdleGo}) {
    if (plans(*gpus_[gpu], layout_beside(gpu, incoming, how))) {
      return how;
    }
  }
  return Beside::kNo;
}

bool MoveSearch::goes(const Gpu& gpu,
                      const GpuInstance& instance,
                      const Incoming& incoming,
                      Beside how) const {
  return !is_busy(gpu, instance) &&
         (how == Beside::kIdleGo ||
          std::any_of(incoming.begin(), incoming.end(), [&](const auto& one) {
            return cross(one.second, instance.placement);
          }));
}

DesiredGpu MoveSearch::layout_beside(std::size_t gpu, const Incoming& incoming, Beside how) const {
  DesiredGpu out;
  out.gpu = gpus_[gpu]->index;
  out.mig_enabled = true;
  for (const GpuInstance& instance : gpus_[gpu]->instances) {
    if (!goes(*gpus_[gpu], instance, incoming, how)) {
      out.instances.push_back(as_it_is(instance));
    }
  }
  for (const auto& [busy, at] : incoming) {
    out.instances.push_back(as_it_is(*busy_[busy].instance));
    out.instances.back().placement = at;
  }
  return out;
}

// The GPU after the move: successors busy, predecessors idle.
Gpu MoveSearch::moved(std::size_t gpu, Leaving leaving, const Incoming& incoming) const {
  Gpu then = *gpus_[gpu];
  std::uint32_t next_id = 1000;  // larger than the ids that drivers assign
  std::erase_if(then.instances, [&](const GpuInstance& instance) {
    return goes(*gpus_[gpu], instance, incoming, Beside::kOverlappedGo);
  });
  for (std::size_t i = 0; i < busy_on_[gpu].size(); ++i) {
    if ((leaving >> i & 1) != 0) {
      const GpuInstanceId left = busy_[busy_on_[gpu][i]].instance->id;
      std::erase_if(then.processes,
                    [&](const Process& process) { return process.gpu_instance == left; });
      std::erase_if(then.leases,
                    [&](const InstanceLease& lease) { return lease.gpu_instance == left; });
    }
  }
  for (const auto& [busy, at] : incoming) {
    GpuInstance successor = *busy_[busy].instance;
    successor.id = GpuInstanceId{next_id++};
    successor.placement = at;
    Process work;
    work.pid = 1;
    work.gpu_instance = successor.id;
    then.processes.push_back(std::move(work));
    then.instances.push_back(std::move(successor));
  }
  return then;
}

// Enumerates the ways to take `left` moves from this GPU and those after it.
bool MoveSearch::choose_sets(std::size_t gpu, std::size_t left) {
  if (gpu == gpus_.size()) {
    return left == 0 && place(0);
  }
  const std::vector<std::size_t>& here = busy_on_[gpu];
  for (Leaving set = 0; set < Leaving{1} << here.size() && complete(); ++set) {
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < here.size(); ++i) {
      if ((set >> i & 1) != 0) {
        members.push_back(here[i]);
      }
    }
    const bool may = std::all_of(
        members.begin(), members.end(), [&](std::size_t i) { return busy_[i].movable; });
    if (!may || members.size() > left || !stands(gpu, set, {})) {
      continue;
    }
    leaving_[gpu] = set;
    moves_.insert(moves_.end(), members.begin(), members.end());
    if (choose_sets(gpu + 1, left - members.size())) {
      return true;
    }
    moves_.resize(moves_.size() - members.size());
  }
  leaving_[gpu] = 0;
  return false;
}

// Symmetry breaking: equal instances are adjacent in `moves_` and take placements in ascending
// order.
bool MoveSearch::place(std::size_t index) {
  if (index == 0) {
    std::stable_sort(moves_.begin(), moves_.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(busy_[a].gpu, busy_[a].shape) < std::pair(busy_[b].gpu, busy_[b].shape);
    });
  }
  if (index == moves_.size()) {
    return whole();
  }
  const Busy& busy = busy_[moves_[index]];
  const bool twin = index > 0 && busy_[moves_[index - 1]].shape == busy.shape &&
                    busy_[moves_[index - 1]].gpu == busy.gpu;
  bool later = !twin;
  for (const Place& one : places_for(busy)) {
    if (!later) {
      later = one.gpu == chosen_.back().gpu && one.at == chosen_.back().at;
      continue;
    }
    if (!complete()) {
      return false;
    }
    Incoming& incoming = incoming_[one.gpu];
    incoming.emplace_back(moves_[index], one.at);
    chosen_.push_back(one);
    // Monotone: more moves never make possible what fewer make impossible.
    const bool good =
        beside(one.gpu, incoming) != Beside::kNo && stands(one.gpu, leaving_[one.gpu], incoming);
    if (good && place(index + 1)) {
      return true;
    }
    chosen_.pop_back();
    incoming.pop_back();
  }
  return false;
}

// Each GPU is possible by itself; spare room is checked over all of them together.
bool MoveSearch::whole() {
  Inventory then = now_;
  Migration out;
  out.beside.label = "room to move";
  for (std::size_t i = 0; i < gpus_.size(); ++i) {
    const auto at = std::find_if(then.gpus.begin(), then.gpus.end(), [&](const Gpu& gpu) {
      return gpu.index == gpus_[i]->index;
    });
    *at = moved(i, leaving_[i], incoming_[i]);
    if (!incoming_[i].empty()) {
      out.beside.gpus.push_back(layout_beside(i, incoming_[i], beside(i, incoming_[i])));
    }
  }
  if (!desired_.spare.empty()) {
    looks_ += kPlanLooks * gpus_.size();
    const auto plan = planner::plan(then, desired_, {});
    if (!plan || plan->blocked()) {
      return false;
    }
  }
  for (std::size_t i = 0; i < moves_.size(); ++i) {
    out.moves.push_back({gpus_[busy_[moves_[i]].gpu]->index,
                         *busy_[moves_[i]].instance,
                         gpus_[chosen_[i].gpu]->index,
                         chosen_[i].at});
  }
  found_ = std::move(out);
  return true;
}

std::optional<Migration> MoveSearch::run() {
  const auto most = static_cast<std::size_t>(
      std::count_if(busy_.begin(), busy_.end(), [](const Busy& one) { return one.movable; }));
  for (std::size_t size = 0; size <= most && complete(); ++size) {
    if (choose_sets(0, size)) {
      return std::move(found_);
    }
  }
  return std::nullopt;
}

}  // namespace mig::apply
