// SPDX-License-Identifier: MIT
//
// hand-over: two threads that free each other's blocks of one size at a time, for many sizes.
// A size of its own shows what a mix of sizes hides: the paths of each kind of block.

import Glibc

private let sizes: [UInt] = [
    16, 100, 512, 1000, 1024, 1025, 2000, 4096, 10_000, 32_768, 33_000, 100_000, 300_000, 1 << 20,
    17 << 20,
]
/// Bytes that each thread writes for one size.
private let bytesPerSize: UInt = 256 << 20
private let stepsMax: UInt = 20_000
private let slotCount = 64

func runHandOver(_ arguments: [String]) -> Never {
    for size in sizes {
        let exchange = Exchange(capacity: 64)
        let threads = (1...2).map { place in
            RunningThread(stackBytes: 1 << 20) { exchangeBlocks(size, UInt64(place), exchange) }
        }
        for thread in threads { thread.join() }
        exchange.drain()
        print("ok \(size) bytes")
    }
    print("ok")
    exit(0)
}

private func exchangeBlocks(_ size: UInt, _ seed: UInt64, _ exchange: Exchange) {
    var random = Randomness(seed: seed)
    var slots = [Parcel?](repeating: nil, count: slotCount)
    for _ in 0..<min(stepsMax, bytesPerSize / size) {
        let index = random.below(slotCount)
        if let parcel = slots[index] {
            if random.below(3) > 0 || !exchange.offer(parcel) { parcel.release() }
            slots[index] = nil
        } else {
            let taken = random.below(4) == 0 ? exchange.take(random.below(1 << 20)) : nil
            slots[index] = taken ?? Parcel.make(size: size, &random)
        }
    }
    for case let parcel? in slots { parcel.release() }
}
