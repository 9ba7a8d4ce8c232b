import Synchronization

/// Memory of one tensor: owned and aligned to 64 bytes, or borrowed from an owner that it keeps alive.
///
/// `@unchecked Sendable`: the memory is written only by the operation that makes the tensor, before
/// any other task can see it, and is constant from then on. Where a computation writes in place
/// (gradients that are added up, parameters that are updated) it has made sure that it is the only
/// holder, so no other task sees that either.
public final class TensorStorage: @unchecked Sendable {
  package let pointer: UnsafeMutablePointer<Float>
  package let capacity: Int
  private let pool: TensorPool?
  private let owner: AnyObject?

  fileprivate init(capacity: Int, pool: TensorPool?) {
    let bytes = max(64, (capacity * MemoryLayout<Float>.stride + 63) / 64 * 64)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    self.pointer = memory.bindMemory(to: Float.self, capacity: bytes / 4)
    self.capacity = bytes / 4
    self.pool = pool
    self.owner = nil
  }

  fileprivate init(reusing pointer: UnsafeMutablePointer<Float>, capacity: Int, pool: TensorPool) {
    self.pointer = pointer
    self.capacity = capacity
    self.pool = pool
    self.owner = nil
  }

  /// Numbers that belong to `owner`, for example a mapped file. They are never written.
  package init(borrowing pointer: UnsafePointer<Float>, count: Int, from owner: AnyObject) {
    self.pointer = UnsafeMutablePointer(mutating: pointer)
    self.capacity = count
    self.pool = nil
    self.owner = owner
  }

  /// Whether the memory belongs to this storage and not to a mapped file.
  package var isOwned: Bool { owner == nil }

  /// Fresh memory that is freed with the storage.
  package convenience init(capacity: Int) {
    self.init(capacity: capacity, pool: nil)
  }

  deinit {
    guard owner == nil else { return }
    if let pool {
      pool.takeBack(pointer, capacity: capacity)
    } else {
      pointer.deallocate()
    }
  }
}

/// Buffers that go back and forth between the steps of one computation.
///
/// A tensor made from the pool returns its memory when its last reference goes, so a step that
/// repeats allocates nothing after the first time. The pool keeps at most the largest working set
/// it has seen.
public final class TensorPool: Sendable {
  private struct Free: @unchecked Sendable {
    // `@unchecked Sendable`: only reached through the mutex.
    var buffers: [(capacity: Int, pointer: UnsafeMutablePointer<Float>)] = []
    var allocations = 0
    var numbersOut = 0
  }

  private let free = Mutex(Free())

  /// Creates an empty pool.
  public init() {}

  /// Buffers that had to be allocated so far.
  package var allocations: Int { free.withLock { $0.allocations } }

  /// Capacity of the buffers that are in use.
  package var numbersInUse: Int { free.withLock { $0.numbersOut } }

  deinit {
    free.withLock { free in
      for buffer in free.buffers { buffer.pointer.deallocate() }
      free.buffers.removeAll()
    }
  }

  /// Storage for at least `count` numbers, of undefined content.
  package func storage(count: Int) -> TensorStorage {
    // Capacities are powers of two times 16, so that buffers of similar batches are shared.
    var capacity = 16
    while capacity < count { capacity *= 2 }
    let found = free.withLock { free -> UnsafeMutablePointer<Float>? in
      free.numbersOut += capacity
      guard let index = free.buffers.firstIndex(where: { $0.capacity == capacity }) else {
        free.allocations += 1
        return nil
      }
      return free.buffers.remove(at: index).pointer
    }
    if let found { return TensorStorage(reusing: found, capacity: capacity, pool: self) }
    return TensorStorage(capacity: capacity, pool: self)
  }

  fileprivate func takeBack(_ pointer: UnsafeMutablePointer<Float>, capacity: Int) {
    // Handed over as a bit pattern: the closure must be Sendable, and nobody else holds it.
    let address = UInt(bitPattern: pointer)
    free.withLock { free in
      guard let pointer = UnsafeMutablePointer<Float>(bitPattern: address) else { return }
      free.numbersOut -= capacity
      free.buffers.append((capacity, pointer))
    }
  }
}
