import Glibc

/// Readers side by side, a writer alone; a waiting writer goes before new readers.
///
/// The memory that it guards is touched only inside `read` and `write`, never across a suspension.
final class ReadWriteLock: @unchecked Sendable {
  // A POSIX lock must not move, hence the allocation; it is made for sharing between threads.
  private let lock: UnsafeMutablePointer<pthread_rwlock_t>

  init() {
    lock = .allocate(capacity: 1)
    var attributes = pthread_rwlockattr_t()
    pthread_rwlockattr_init(&attributes)
    // The default lets a stream of readers keep a writer out for ever.
    pthread_rwlockattr_setkind_np(
      &attributes, Int32(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP))
    let status = pthread_rwlock_init(lock, &attributes)
    pthread_rwlockattr_destroy(&attributes)
    precondition(status == 0, "pthread_rwlock_init: \(status)")
  }

  deinit {
    pthread_rwlock_destroy(lock)
    lock.deallocate()
  }

  func read<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let status = pthread_rwlock_rdlock(lock)
    precondition(status == 0, "pthread_rwlock_rdlock: \(status)")
    defer { pthread_rwlock_unlock(lock) }
    return try body()
  }

  func write<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let status = pthread_rwlock_wrlock(lock)
    precondition(status == 0, "pthread_rwlock_wrlock: \(status)")
    defer { pthread_rwlock_unlock(lock) }
    return try body()
  }
}
