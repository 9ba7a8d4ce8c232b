#ifndef RBF_H
#define RBF_H

/// A C view of the few FAISS index kinds that ragbench uses.
///
/// Every function returns a status; after any status but RBF_OK the calling thread reads the
/// reason with `rbf_last_message`. No C++ exception leaves the shim. Nothing is locked here: the
/// caller keeps writers and readers apart. Vectors are row-major Float32 without gaps, ids are any
/// Int64 but negative ones. The caller also keeps ids distinct and values finite.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rbf_index rbf_index;

typedef enum rbf_status {
  RBF_OK = 0,
  RBF_INVALID = 1,      ///< An argument is out of its range, or the factory string is unknown.
  RBF_UNSUPPORTED = 2,  ///< This kind of index cannot do it (HNSW: remove).
  RBF_UNTRAINED = 3,    ///< The index has to be trained first.
  RBF_NOT_FOUND = 4,    ///< No vector has this id.
  RBF_MEMORY = 5,       ///< An allocation failed.
  RBF_INPUT = 6,        ///< The bytes are no index, or the index is damaged.
  RBF_OUTPUT = 7,       ///< The sink stopped the writing.
  RBF_FAILED = 8,       ///< FAISS refused; the message is its own.
} rbf_status;

typedef enum rbf_metric { RBF_INNER_PRODUCT = 0, RBF_L2 = 1 } rbf_metric;

/// Reason of the last failure on this thread; valid until the next call on this thread.
const char *_Nonnull rbf_last_message(void);

/// Version of FAISS that this was compiled with, such as "1.7.3".
const char *_Nonnull rbf_version(void);

/// Threads FAISS may use in one call, at least 1; holds for the whole process.
rbf_status rbf_set_threads(int threads);

/// Threads FAISS may use in one call.
int rbf_threads(void);

/// Creates an empty index; `*out` is freed with `rbf_free`.
rbf_status rbf_create(int dimension, const char *_Nonnull factory, rbf_metric metric,
                      rbf_index *_Nullable *_Nonnull out);

void rbf_free(rbf_index *_Nullable index);

int rbf_dimension(const rbf_index *_Nonnull index);
int64_t rbf_count(const rbf_index *_Nonnull index);
int rbf_is_trained(const rbf_index *_Nonnull index);

/// Metric of the index; RBF_INVALID if it is neither of the two.
rbf_status rbf_metric_of(const rbf_index *_Nonnull index, rbf_metric *_Nonnull out);

/// 1 for HNSW, which cannot remove.
int rbf_is_graph(const rbf_index *_Nonnull index);

/// Trains on `count` vectors. The result does not depend on the number of threads.
rbf_status rbf_train(rbf_index *_Nonnull index, int64_t count, const float *_Nonnull vectors);

/// Adds `count` vectors. HNSW graphs are built by one thread, so that equal calls give equal files.
rbf_status rbf_add(rbf_index *_Nonnull index, int64_t count, const float *_Nonnull vectors,
                   const int64_t *_Nonnull ids);

/// Removes the ids that are there; `*removed` counts them. RBF_UNSUPPORTED for HNSW.
rbf_status rbf_remove(rbf_index *_Nonnull index, int64_t count, const int64_t *_Nonnull ids,
                      int64_t *_Nonnull removed);

/// Sets "nprobe" (inverted lists) or "efSearch" (HNSW); a write, never beside a search.
rbf_status rbf_set_parameter(rbf_index *_Nonnull index, const char *_Nonnull name, int64_t value);

/// The best `k` vectors of each query. `ids` and `scores` hold `count * k` values; of row q the
/// first `found[q]` are set. Scores are inner products, or negative squared distances: higher is
/// better. A query's answer does not depend on the queries beside it.
rbf_status rbf_search(const rbf_index *_Nonnull index, int64_t count,
                      const float *_Nonnull queries, int64_t k, int64_t *_Nonnull ids,
                      float *_Nonnull scores, int64_t *_Nonnull found);

/// Whether `rbf_reconstruct` can answer without `rbf_prepare_reconstruct`.
int rbf_can_reconstruct(const rbf_index *_Nonnull index);

/// Builds the map from ids to inverted lists where one is needed; a write.
rbf_status rbf_prepare_reconstruct(rbf_index *_Nonnull index);

/// The stored vector of `id` (`rbf_dimension` values), approximate where the kind compresses.
rbf_status rbf_reconstruct(const rbf_index *_Nonnull index, int64_t id, float *_Nonnull out);

/// All ids in the order stored: `rbf_count` values.
rbf_status rbf_ids(const rbf_index *_Nonnull index, int64_t *_Nonnull out);

/// Takes `count` bytes of a file being written; 0 to go on, anything else to stop.
typedef int (*rbf_sink)(void *_Nullable context, const void *_Nonnull bytes, size_t count);

/// Writes the index through `sink`, in pieces of about a megabyte or more. Search parameters are
/// first set to FAISS's defaults, so that equal builds give equal bytes: a write to the index too.
rbf_status rbf_write(rbf_index *_Nonnull index, rbf_sink _Nonnull sink, void *_Nullable context);

/// Reads an index from memory. Only for bytes whose checksum was verified: damaged HNSW files
/// crash FAISS 1.7.3 when they are searched.
rbf_status rbf_read(const void *_Nonnull bytes, size_t count, rbf_index *_Nullable *_Nonnull out);

#ifdef __cplusplus
}
#endif

#endif
