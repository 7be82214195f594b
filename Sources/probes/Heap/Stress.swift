// SPDX-License-Identifier: MIT
//
// stress [THREADS [SECONDS [SEED]]]: threads that allocate, resize, hand over, free each other's
// blocks, exit with live blocks, and fork.
//
// Threads live in generations: a thread works for a fixed number of steps, leaves its live blocks
// in the exchange for whoever comes, and ends; its place is taken by a new one.

import Glibc
import Synchronization

/// Steps of one thread's life.
private let lifeSteps = 20_000
/// Blocks that a thread holds at most.
private let slotCount = 256
private let sizeMax: UInt = 1 << 20

func runStress(_ arguments: [String]) -> Never {
    let threadCount = number(arguments, at: 0, or: 8)
    let seconds = number(arguments, at: 1, or: 3)
    let seed = UInt64(bitPattern: Int64(number(arguments, at: 2, or: Int(time(nil)))))
    print("stress: \(threadCount) threads, \(seconds) s, seed \(seed)")

    let exchange = Exchange(capacity: 4096)
    let end = time(nil) + seconds
    let lives = Counter()
    let lineages = (0..<threadCount).map { place in
        RunningThread(stackBytes: 1 << 20) {
            var generation: UInt64 = 0
            repeat {
                let lifeSeed = seed &+ UInt64(place) << 32 &+ generation
                RunningThread(stackBytes: 1 << 20) { liveOnce(lifeSeed, exchange) }.join()
                generation += 1
                lives.increase()
            } while time(nil) < end
        }
    }
    var random = Randomness(seed: seed)
    var forks = 0
    repeat {
        forkOnce(exchange, &random)
        forks += 1
    } while time(nil) < end
    for lineage in lineages { lineage.join() }
    exchange.drain()
    print("\(lives.value) thread lives, \(forks) forks")
    print("ok")
    exit(0)
}

/// A count that threads raise.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func increase() { count.wrappingAdd(1, ordering: .relaxed) }
}

/// One thread's life.
private func liveOnce(_ seed: UInt64, _ exchange: Exchange) {
    var random = Randomness(seed: seed)
    var slots = [Parcel?](repeating: nil, count: slotCount)
    for _ in 0..<lifeSteps {
        let index = random.below(slotCount)
        guard let parcel = slots[index] else {
            // One in four comes from another thread.
            slots[index] =
                random.below(4) == 0
                ? exchange.take(random.below(1 << 20))
                : Parcel.make(size: random.size(max: sizeMax), &random)
            continue
        }
        switch random.below(8) {
        case 0: slots[index] = parcel.resized(to: random.size(max: sizeMax))
        case 1...2 where exchange.offer(parcel): slots[index] = nil
        default:
            parcel.release()
            slots[index] = nil
        }
    }
    // What is left outlives its thread, as far as there is room.
    for case let parcel? in slots where !exchange.offer(parcel) { parcel.release() }
}

/// Forks while the other threads go on. The child frees some of the parents' blocks, works, ends.
private func forkOnce(_ exchange: Exchange, _ random: inout Randomness) {
    let mine = (0..<64).map { _ in Parcel.make(size: random.size(max: sizeMax), &random) }
    exchange.whileHeld { exchange in
        let child = forkProcess()
        guard child == 0 else { return awaitSuccess(of: child, "fork in the stress") }
        for _ in 0..<32 { exchange.takeUnlocked(random.below(1 << 20))?.release() }
        for parcel in mine { parcel.release() }
        for _ in 0..<500 { Parcel.make(size: random.size(max: 1 << 16), &random).release() }
        _exit(0)
    }
    for parcel in mine { parcel.release() }
}
