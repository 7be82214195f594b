// SPDX-License-Identifier: MIT
//
// churn [THREADS]: thousands of short threads, one after the other, must not make memory grow.

import Glibc

/// Growth that is allowed after the first tenth of the threads: far less than a page a thread.
private let growthKiBMax = 24 * 1024
private let blocksOfThread = 50
/// Blocks that each thread leaves behind for the main thread to free.
private let blocksLeft = 5

func runChurn(_ arguments: [String]) -> Never {
    let threadCount = number(arguments, at: 0, or: 10_000)
    let left = Exchange(capacity: 1024)
    var startKiB = 0
    let batch = 4
    for started in stride(from: 0, to: threadCount, by: batch) {
        if started <= threadCount / 10 { startKiB = processFigureKiB("VmRSS") }
        let threads = (0..<batch).map { place in
            RunningThread { liveShortly(seed: UInt64(started + place), left) }
        }
        for thread in threads { thread.join() }
        left.drain()
    }
    let grownKiB = processFigureKiB("VmRSS") - startKiB
    print("VmRSS grew by \(grownKiB) KiB over \(threadCount) threads")
    if grownKiB > growthKiBMax { fail("more than \(growthKiBMax) KiB") }
    print("ok")
    exit(0)
}

private func liveShortly(seed: UInt64, _ left: Exchange) {
    var random = Randomness(seed: seed)
    let parcels = (0..<blocksOfThread).map { _ in
        Parcel.make(size: random.size(max: 1 << 18), &random)
    }
    for (index, parcel) in parcels.enumerated() {
        if index >= blocksLeft || !left.offer(parcel) { parcel.release() }
    }
}
