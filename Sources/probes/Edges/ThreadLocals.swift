// SPDX-License-Identifier: MIT
//
// tls-destructors [THREADS]: destructors of pthread keys that allocate and free in each of the
// rounds that POSIX gives them, most of which run after the allocator's own thread exit.

import Glibc

private let roundsMax = 4
private let keyCount = 16
private let growthKiBMax = 24 * 1024

/// What a key of a thread holds: a few blocks and the round it is in.
private final class Holder {
    var round = 0
    var parcels: [Parcel]
    var random: Randomness

    init(seed: UInt64) {
        random = Randomness(seed: seed)
        parcels = []
        refill()
    }

    /// Frees the blocks of the round before and takes new ones.
    func refill() {
        for parcel in parcels { parcel.release() }
        parcels = (0..<20).map { _ in Parcel.make(size: random.size(max: 1 << 17), &random) }
    }

    func releaseAll() { for parcel in parcels { parcel.release() } }
}

nonisolated(unsafe) private var keys: [pthread_key_t] = []
private let destructions = Counter()

func runTlsDestructors(_ arguments: [String]) -> Never {
    let threadCount = number(arguments, at: 0, or: 2000)
    for _ in 0..<keyCount {
        var key = pthread_key_t()
        if pthread_key_create(&key, destroy) != 0 { fail("pthread_key_create") }
        keys.append(key)
    }
    var startKiB = 0
    for index in 0..<threadCount {
        if index <= threadCount / 10 { startKiB = processFigureKiB("VmRSS") }
        RunningThread {
            for key in keys {
                let holder = Holder(seed: UInt64(index) << 8 | UInt64(key))
                pthread_setspecific(key, Unmanaged.passRetained(holder).toOpaque())
            }
        }.join()
    }
    let expected = threadCount * keyCount * roundsMax
    print("\(destructions.value) destructor calls, \(expected) expected")
    if destructions.value != expected { fail("destructors were not called as POSIX says") }
    let grownKiB = processFigureKiB("VmRSS") - startKiB
    print("VmRSS grew by \(grownKiB) KiB")
    if grownKiB > growthKiBMax { fail("more than \(growthKiBMax) KiB") }
    print("ok")
    exit(0)
}

private func destroy(_ value: UnsafeMutableRawPointer?) {
    destructions.increase()
    let holder = Unmanaged<Holder>.fromOpaque(value!)
    let object = holder.takeUnretainedValue()
    object.round += 1
    object.refill()
    guard object.round < roundsMax else {
        object.releaseAll()
        return holder.release()
    }
    for key in keys where pthread_getspecific(key) == nil {
        pthread_setspecific(key, value)
        return
    }
    fail("no key is free to register again")
}
