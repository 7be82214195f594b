// SPDX-License-Identifier: MIT
//
// fork-storm [FORKS [THREADS]]: forks while other threads allocate, so that some thread holds
// whatever lock the allocator has at nearly every fork. Child and parent both go on allocating.

import Glibc
import Synchronization

private let allocationsOfChild = 10_000

func runForkStorm(_ arguments: [String]) -> Never {
    let forkCount = number(arguments, at: 0, or: 300)
    let threadCount = number(arguments, at: 1, or: 4)
    let switches = Switches()
    let exchange = Exchange(capacity: 512)
    let threads = (0..<threadCount).map { place in
        RunningThread(stackBytes: 1 << 20) {
            var random = Randomness(seed: UInt64(place))
            while !switches.stop.load(ordering: .relaxed) {
                // Large blocks too, and blocks freed by another thread: every lock gets its turn.
                let parcel = Parcel.make(size: random.size(max: 4 << 20), &random)
                if !exchange.offer(parcel) { parcel.release() }
                if random.below(2) == 0 { exchange.take(random.below(1 << 20))?.release() }
                if random.below(500) == 0 { _ = heap.mallocTrim?(0) }
            }
        }
    }
    var random = Randomness(seed: 99)
    var held: [Parcel] = (0..<100).map { _ in
        Parcel.make(size: random.size(max: 1 << 20), &random)
    }
    for round in 0..<forkCount {
        let child = forkProcess()
        if child == 0 { workAsChild(held, isParent: round % 25 == 0, &random) }
        for index in held.indices where index % 4 == round % 4 {
            held[index].release()
            held[index] = Parcel.make(size: random.size(max: 1 << 20), &random)
        }
        awaitSuccess(of: child, "fork \(round)")
    }
    switches.stop.store(true, ordering: .relaxed)
    for thread in threads { thread.join() }
    for parcel in held { parcel.release() }
    exchange.drain()
    print("ok")
    exit(0)
}

private final class Switches: Sendable {
    let stop = Atomic<Bool>(false)
}

/// Frees what the parent allocated, allocates a lot, starts a thread, perhaps forks again, ends.
private func workAsChild(_ held: [Parcel], isParent: Bool, _ random: inout Randomness) -> Never {
    for parcel in held { parcel.release() }
    for count in 0..<allocationsOfChild {
        let size = count % 1000 == 0 ? random.size(max: 4 << 20) : UInt(count % 2000 + 1)
        guard let block = heap.malloc(size) else { fail("malloc(\(size)) in a child gave NULL") }
        memset(block, 1, Int(size))
        heap.free(block)
    }
    RunningThread {
        for size in 1...UInt(1000) { heap.free(heap.malloc(size)) }
    }.join()
    if isParent {
        let grandchild = forkProcess()
        if grandchild == 0 { workAsChild([], isParent: false, &random) }
        awaitSuccess(of: grandchild, "fork in a child")
    }
    _exit(0)
}
