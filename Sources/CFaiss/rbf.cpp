// The only place that speaks to FAISS's C++ interface.
//
// IndexHNSW.h, IndexNSG.h and IndexNNDescent.h need omp.h, which Swift's clang does not bring, so
// those kinds are made by `index_factory` and tuned through `ParameterSpace`.

#include "rbf.h"

#include <faiss/AutoTune.h>
#include <faiss/IndexFlat.h>
#include <faiss/IndexIDMap.h>
#include <faiss/IndexIVF.h>
#include <faiss/IndexIVFPQ.h>
#include <faiss/IndexPQ.h>
#include <faiss/impl/FaissException.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/impl/io.h>
#include <faiss/index_factory.h>
#include <faiss/index_io.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>

extern "C" {
// libgomp and OpenBLAS, whose headers are not needed for these.
void omp_set_num_threads(int);
int omp_get_num_procs(void);
int openblas_get_num_threads(void);
void openblas_set_num_threads(int);
}

#define RBF_TEXT_(x) #x
#define RBF_TEXT(x) RBF_TEXT_(x)

/// An IVF index keeps ids itself; every other kind sits in an IndexIDMap2.
struct rbf_index {
  std::unique_ptr<faiss::Index> index;

  faiss::IndexIVF *ivf() const { return dynamic_cast<faiss::IndexIVF *>(index.get()); }
  faiss::IndexIDMap2 *map() const { return dynamic_cast<faiss::IndexIDMap2 *>(index.get()); }
  const faiss::Index *storage() const { return map() != nullptr ? map()->index : index.get(); }
  bool isGraph() const {
    const faiss::Index &stored = *storage();
    return std::strstr(typeid(stored).name(), "IndexHNSW") != nullptr;
  }
};

namespace {

thread_local std::string lastMessage;
std::atomic<int> threadLimit{0};

rbf_status fail(rbf_status status, std::string message) {
  lastMessage = std::move(message);
  return status;
}

/// Runs `body`, turning every exception into a status and a message.
template <typename Body>
rbf_status guarded(rbf_status onFaissError, Body &&body) {
  try {
    return body();
  } catch (const faiss::FaissException &error) {
    try {
      // "Error in <function> at <file>:<line>: Error: '<condition>' failed: <text>"
      return fail(onFaissError, error.msg);
    } catch (...) {
      return onFaissError;
    }
  } catch (const std::bad_alloc &) {
    lastMessage.clear();
    return RBF_MEMORY;
  } catch (const std::length_error &) {
    lastMessage.clear();
    return RBF_MEMORY;
  } catch (const std::exception &error) {
    try {
      return fail(RBF_FAILED, error.what());
    } catch (...) {
      return RBF_FAILED;
    }
  } catch (...) {
    lastMessage.clear();
    return RBF_FAILED;
  }
}

/// OpenMP's limit belongs to the calling thread, so each call sets it.
void useThreads(int64_t wanted) {
  omp_set_num_threads(
      static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(wanted, rbf_threads()))));
}

/// Holds OpenBLAS to one thread while it lives: how it splits a product must not reach the result.
class OneBlasThread {
 public:
  OneBlasThread() : held_(mutex()), before_(openblas_get_num_threads()) {
    if (before_ != 1) openblas_set_num_threads(1);
  }
  ~OneBlasThread() {
    if (before_ != 1) openblas_set_num_threads(before_);
  }

 private:
  static std::mutex &mutex() {
    static std::mutex shared;
    return shared;
  }
  std::lock_guard<std::mutex> held_;
  int before_;
};

/// What the factory sets and we do not want.
void adjust(faiss::Index *index) {
  // The warning about few training points goes to standard error from inside FAISS; the caller
  // checks the number of points and says it in its own words.
  if (auto *ivf = dynamic_cast<faiss::IndexIVF *>(index)) ivf->cp.min_points_per_centroid = 1;
  // Polysemous training orders the codes for a filter that we do not use, and takes minutes.
  if (auto *pq = dynamic_cast<faiss::IndexPQ *>(index)) {
    pq->do_polysemous_training = false;
    pq->pq.cp.min_points_per_centroid = 1;
  }
  if (auto *ivfpq = dynamic_cast<faiss::IndexIVFPQ *>(index)) {
    ivfpq->do_polysemous_training = false;
    ivfpq->pq.cp.min_points_per_centroid = 1;
  }
}

/// Vectors handed to FAISS in one call, for results that do not depend on the vectors beside them:
/// twenty and more queries go through BLAS, whose sums differ in the last bits, and wide
/// sub-vectors of a product quantizer do so from two on.
int64_t rowsPerCall(const rbf_index *index) {
  const faiss::Index *stored = index->storage();
  const auto *pq = dynamic_cast<const faiss::IndexPQ *>(stored);
  const auto *ivfpq = dynamic_cast<const faiss::IndexIVFPQ *>(stored);
  if (pq != nullptr && pq->pq.dsub >= 16) return 1;
  if (ivfpq != nullptr && ivfpq->pq.dsub >= 16) return 1;
  return 16;
}

/// Drops IVF's map from ids to lists, which only `rbf_reconstruct` needs.
void dropDirectMap(rbf_index *index) {
  faiss::IndexIVF *ivf = index->ivf();
  if (ivf != nullptr && !ivf->direct_map.no()) {
    ivf->set_direct_map_type(faiss::DirectMap::NoMap);
  }
}

/// Gathers FAISS's many small writes and hands them on in large pieces.
class SinkWriter : public faiss::IOWriter {
 public:
  SinkWriter(rbf_sink sink, void *context) : sink_(sink), context_(context) {
    buffer_.reserve(capacity);
    name = "index file";
  }

  size_t operator()(const void *bytes, size_t size, size_t count) override {
    size_t total = 0;
    if (stopped || __builtin_mul_overflow(size, count, &total)) return 0;
    const char *from = static_cast<const char *>(bytes);
    if (total > capacity - buffer_.size()) {
      flush();
      if (total > capacity) {
        stopped = stopped || sink_(context_, from, total) != 0;
        return stopped ? 0 : count;
      }
    }
    buffer_.insert(buffer_.end(), from, from + total);
    return stopped ? 0 : count;
  }

  void flush() {
    if (!stopped && !buffer_.empty()) {
      stopped = sink_(context_, buffer_.data(), buffer_.size()) != 0;
    }
    buffer_.clear();
  }

  bool stopped = false;

 private:
  static constexpr size_t capacity = size_t{1} << 20;
  rbf_sink sink_;
  void *context_;
  std::vector<char> buffer_;
};

class MemoryReader : public faiss::IOReader {
 public:
  MemoryReader(const void *bytes, size_t count)
      : next_(static_cast<const char *>(bytes)), left_(count) {
    name = "index file";
  }

  size_t operator()(void *to, size_t size, size_t count) override {
    if (size == 0 || count == 0) return 0;
    size_t whole = std::min(count, left_ / size);
    std::memcpy(to, next_, whole * size);
    next_ += whole * size;
    left_ -= whole * size;
    return whole;
  }

  size_t left() const { return left_; }

 private:
  const char *next_;
  size_t left_;
};

}  // namespace

const char *rbf_last_message(void) { return lastMessage.c_str(); }

const char *rbf_version(void) {
  return RBF_TEXT(FAISS_VERSION_MAJOR) "." RBF_TEXT(FAISS_VERSION_MINOR) "." RBF_TEXT(
      FAISS_VERSION_PATCH);
}

rbf_status rbf_set_threads(int threads) {
  if (threads < 1) return RBF_INVALID;
  threadLimit.store(threads);
  return RBF_OK;
}

int rbf_threads(void) {
  int limit = threadLimit.load();
  return limit > 0 ? limit : std::max(1, omp_get_num_procs());
}

rbf_status rbf_create(int dimension, const char *factory, rbf_metric metric, rbf_index **out) {
  *out = nullptr;
  return guarded(RBF_INVALID, [&] {
    if (dimension < 1) return fail(RBF_INVALID, "dimension below 1");
    auto made = std::make_unique<rbf_index>();
    std::unique_ptr<faiss::Index> index(faiss::index_factory(
        dimension, factory, metric == RBF_L2 ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT));
    adjust(index.get());
    if (dynamic_cast<faiss::IndexIVF *>(index.get()) != nullptr) {
      made->index = std::move(index);
    } else {
      auto map = std::make_unique<faiss::IndexIDMap2>(index.get());
      index.release();
      map->own_fields = true;
      made->index = std::move(map);
    }
    *out = made.release();
    return RBF_OK;
  });
}

void rbf_free(rbf_index *index) { delete index; }

int rbf_dimension(const rbf_index *index) { return index->index->d; }

int64_t rbf_count(const rbf_index *index) { return index->index->ntotal; }

int rbf_is_trained(const rbf_index *index) { return index->storage()->is_trained ? 1 : 0; }

rbf_status rbf_metric_of(const rbf_index *index, rbf_metric *out) {
  switch (index->storage()->metric_type) {
    case faiss::METRIC_INNER_PRODUCT:
      *out = RBF_INNER_PRODUCT;
      return RBF_OK;
    case faiss::METRIC_L2:
      *out = RBF_L2;
      return RBF_OK;
    default:
      return RBF_INVALID;
  }
}

int rbf_is_graph(const rbf_index *index) { return index->isGraph() ? 1 : 0; }

rbf_status rbf_train(rbf_index *index, int64_t count, const float *vectors) {
  return guarded(RBF_FAILED, [&] {
    OneBlasThread single;
    useThreads(INT64_MAX);
    index->index->train(count, vectors);
    return RBF_OK;
  });
}

rbf_status rbf_add(rbf_index *index, int64_t count, const float *vectors, const int64_t *ids) {
  return guarded(RBF_FAILED, [&] {
    if (!index->storage()->is_trained) return fail(RBF_UNTRAINED, "the index is not trained");
    dropDirectMap(index);
    OneBlasThread single;
    useThreads(index->isGraph() ? 1 : INT64_MAX);
    // HNSW is given all at once: its graph depends on the calls, and each call visits every vertex.
    const int64_t step = index->isGraph() ? count : rowsPerCall(index);
    const int64_t dimension = index->index->d;
    for (int64_t row = 0; row < count;) {
      const int64_t rows = std::min(step, count - row);
      index->index->add_with_ids(rows, vectors + row * dimension, ids + row);
      row += rows;
    }
    return RBF_OK;
  });
}

rbf_status rbf_remove(rbf_index *index, int64_t count, const int64_t *ids, int64_t *removed) {
  *removed = 0;
  return guarded(RBF_FAILED, [&] {
    if (index->isGraph()) return fail(RBF_UNSUPPORTED, "an HNSW index cannot remove vectors");
    dropDirectMap(index);
    useThreads(INT64_MAX);
    faiss::IDSelectorBatch selector(static_cast<size_t>(count), ids);
    *removed = static_cast<int64_t>(index->index->remove_ids(selector));
    return RBF_OK;
  });
}

rbf_status rbf_set_parameter(rbf_index *index, const char *name, int64_t value) {
  return guarded(RBF_INVALID, [&] {
    faiss::ParameterSpace().set_index_parameter(index->index.get(), name,
                                                static_cast<double>(value));
    return RBF_OK;
  });
}

rbf_status rbf_search(const rbf_index *index, int64_t count, const float *queries, int64_t k,
                      int64_t *ids, float *scores, int64_t *found) {
  return guarded(RBF_FAILED, [&] {
    useThreads(count);
    const int64_t dimension = index->index->d;
    const bool distances = index->storage()->metric_type == faiss::METRIC_L2;
    const int64_t step = rowsPerCall(index);
    for (int64_t row = 0; row < count; row += step) {
      const int64_t rows = std::min(step, count - row);
      index->index->search(rows, queries + row * dimension, k, scores + row * k, ids + row * k);
    }
    for (int64_t row = 0; row < count; row++) {
      int64_t *rowIds = ids + row * k;
      float *rowScores = scores + row * k;
      int64_t kept = 0;
      for (int64_t i = 0; i < k; i++) {
        if (rowIds[i] < 0) continue;
        if (std::isnan(rowScores[i])) return fail(RBF_FAILED, "FAISS returned a score of NaN");
        rowIds[kept] = rowIds[i];
        // 0 - x, not -x: the best squared distance is 0 and its negative must not be -0.
        rowScores[kept] = distances ? 0.0f - rowScores[i] : rowScores[i];
        kept++;
      }
      found[row] = kept;
    }
    return RBF_OK;
  });
}

int rbf_can_reconstruct(const rbf_index *index) {
  const faiss::IndexIVF *ivf = index->ivf();
  return ivf == nullptr || !ivf->direct_map.no() ? 1 : 0;
}

rbf_status rbf_prepare_reconstruct(rbf_index *index) {
  return guarded(RBF_FAILED, [&] {
    faiss::IndexIVF *ivf = index->ivf();
    if (ivf != nullptr && ivf->direct_map.no()) {
      // `make_direct_map` makes the array kind, which holds only ids 0, 1, 2, ...
      ivf->set_direct_map_type(faiss::DirectMap::Hashtable);
    }
    return RBF_OK;
  });
}

rbf_status rbf_reconstruct(const rbf_index *index, int64_t id, float *out) {
  return guarded(RBF_FAILED, [&] {
    if (const faiss::IndexIVF *ivf = index->ivf()) {
      const auto &positions = ivf->direct_map.hashtable;
      if (positions.find(id) == positions.end()) return fail(RBF_NOT_FOUND, "no such id");
    } else if (const faiss::IndexIDMap2 *map = index->map()) {
      if (map->rev_map.find(id) == map->rev_map.end()) return fail(RBF_NOT_FOUND, "no such id");
    }
    index->index->reconstruct(id, out);
    return RBF_OK;
  });
}

rbf_status rbf_ids(const rbf_index *index, int64_t *out) {
  return guarded(RBF_FAILED, [&] {
    const int64_t count = index->index->ntotal;
    if (const faiss::IndexIDMap2 *map = index->map()) {
      std::copy_n(map->id_map.begin(), count, out);
      return RBF_OK;
    }
    const faiss::IndexIVF *ivf = index->ivf();
    int64_t written = 0;
    for (size_t list = 0; list < ivf->nlist; list++) {
      const int64_t size = static_cast<int64_t>(ivf->invlists->list_size(list));
      if (size > count - written) return fail(RBF_INPUT, "the lists hold more ids than counted");
      faiss::InvertedLists::ScopedIds ids(ivf->invlists, list);
      std::copy_n(ids.get(), size, out + written);
      written += size;
    }
    if (written != count) return fail(RBF_INPUT, "the lists hold fewer ids than counted");
    return RBF_OK;
  });
}

rbf_status rbf_write(rbf_index *index, rbf_sink sink, void *context) {
  bool stopped = false;
  rbf_status status = guarded(RBF_FAILED, [&] {
    dropDirectMap(index);
    if (index->isGraph()) {
      faiss::ParameterSpace().set_index_parameter(index->index.get(), "efSearch", 16);
    } else if (faiss::IndexIVF *ivf = index->ivf()) {
      ivf->nprobe = 1;
    }
    SinkWriter writer(sink, context);
    try {
      faiss::write_index(index->index.get(), &writer);
      writer.flush();
    } catch (...) {
      stopped = writer.stopped;
      throw;
    }
    stopped = writer.stopped;
    return RBF_OK;
  });
  return stopped ? RBF_OUTPUT : status;
}

rbf_status rbf_read(const void *bytes, size_t count, rbf_index **out) {
  *out = nullptr;
  return guarded(RBF_INPUT, [&] {
    MemoryReader reader(bytes, count);
    auto made = std::make_unique<rbf_index>();
    made->index.reset(faiss::read_index(&reader));
    if (reader.left() != 0) {
      return fail(RBF_INPUT, std::to_string(reader.left()) + " bytes after the index");
    }
    if (const faiss::IndexIDMap2 *map = made->map()) {
      if (map->index == nullptr || map->ntotal < 0 || map->index->ntotal != map->ntotal ||
          static_cast<int64_t>(map->id_map.size()) != map->ntotal || map->index->d != map->d) {
        return fail(RBF_INPUT, "the id map and the vectors disagree");
      }
    } else if (made->ivf() == nullptr) {
      return fail(RBF_INPUT, "the index keeps no ids");
    }
    *out = made.release();
    return RBF_OK;
  });
}
