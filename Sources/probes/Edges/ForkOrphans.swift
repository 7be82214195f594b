// SPDX-License-Identifier: MIT
//
// fork-orphans [FORKS [THREADS]]: the child of a process with busy threads frees blocks of threads
// that it does not have, allocates as much again, and must find the memory: its resident set may
// not grow by what it has freed.

import Glibc
import Synchronization

/// Blocks that are out in the parent, most of them small.
private let parcelsHeld = 20_000
private let sizeMax: UInt = 32 << 10
/// Blocks that a child leaves as they are.
private let parcelsLeft = 40
/// Of the bytes that were freed and allocated again, the share that may be resident anew after a
/// trim, beside what a process writes at its start. More than all would be, where the freed ones
/// waited for their threads, and nearly all, where blocks that were ready there kept slabs.
private let growthPercentMax = 50
private let growthKiBBeside = 2048
private let localBlocks = 64

func runForkOrphans(_ arguments: [String]) -> Never {
    let forkCount = number(arguments, at: 0, or: 300)
    let threadCount = number(arguments, at: 1, or: 4)
    let isOver = Flag()
    let exchange = Exchange(capacity: parcelsHeld)
    let threads = (0..<threadCount).map { place in
        RunningThread(stackBytes: 1 << 20) { keepBusy(seed: UInt64(place), exchange, isOver) }
    }
    while exchange.heldCount < parcelsHeld { usleep(1000) }
    for round in 0..<forkCount {
        exchange.whileHeld { exchange in
            let child = forkProcess()
            if child == 0 { workAsHeir(exchange, seed: UInt64(round)) }
            awaitSuccess(of: child, "fork \(round)")
        }
        usleep(1000)
    }
    isOver.value.store(true, ordering: .relaxed)
    for thread in threads { thread.join() }
    exchange.drain()
    print("ok")
    exit(0)
}

private final class Flag: Sendable {
    let value = Atomic<Bool>(false)
}

/// Allocates and frees without end, and changes the blocks in the exchange for others.
private func keepBusy(seed: UInt64, _ exchange: Exchange, _ isOver: Flag) {
    var random = Randomness(seed: seed)
    while !isOver.value.load(ordering: .relaxed) {
        let parcels = (0..<localBlocks).map { _ in
            Parcel.make(size: random.size(max: sizeMax), &random)
        }
        for (index, parcel) in parcels.enumerated() {
            if index % 2 == 0 || !exchange.offer(parcel) { parcel.release() }
        }
        if exchange.heldCount == parcelsHeld {
            for _ in 0..<localBlocks / 2 { exchange.take(random.below(1 << 20))?.release() }
        }
    }
}

/// Frees nearly all of the blocks, allocates as many, half of them in a new thread, and sees that
/// the few that are left have not changed.
private func workAsHeir(_ exchange: Exchange, seed: UInt64) -> Never {
    let startKiB = processFigureKiB("VmRSS")
    let count = exchange.heldCountUnlocked - parcelsLeft
    var random = Randomness(seed: seed)
    let sizes = (0..<count).compactMap { _ -> UInt? in
        guard let parcel = exchange.takeUnlocked(random.below(1 << 20)) else { return nil }
        parcel.release()
        return parcel.size
    }
    var made = replace(sizes[..<(count / 2)], seed: seed)
    nonisolated(unsafe) var others: [Parcel] = []
    RunningThread(stackBytes: 1 << 20) { others = replace(sizes[(count / 2)...], seed: ~seed) }
        .join()
    made += others
    let bytes = made.reduce(0) { $0 + Int($1.size) }
    // What is free and merely kept is no loss.
    _ = heap.mallocTrim?(0)
    let grownKiB = processFigureKiB("VmRSS") - startKiB
    if made.contains(where: { !$0.isIntact }) { fail("a block of the child changed") }
    if grownKiB > bytes / 1024 * growthPercentMax / 100 + growthKiBBeside {
        fail("a child grew by \(grownKiB) KiB where it replaced \(bytes / 1024) KiB")
    }
    if seed == 0 { print("\(bytes / 1024) KiB replaced, \(grownKiB) KiB resident more") }
    for parcel in made { parcel.release() }
    while let parcel = exchange.takeUnlocked(0) { parcel.release() }
    _exit(0)
}

private func replace(_ sizes: ArraySlice<UInt>, seed: UInt64) -> [Parcel] {
    var random = Randomness(seed: seed)
    return sizes.map { Parcel.make(size: $0, &random) }
}
