// SPDX-License-Identifier: MIT
//
// The family of one live block on one thread: allocate, write a byte in every page, free.

import CWorkload

func visitOneLiveBlock(_ body: (Workload) -> Void) {
    let traits: Traits = [.touch, .quick]
    body(
        Workload(
            "json", "seed", iterations: 500_000, traits,
            "one live block of 64 KiB: allocate, touch every page, free",
            run: { measureOneLiveBlock(kib: 64, &$0) }))
    body(
        Workload(
            "mir", "seed", iterations: 150_000, traits,
            "one live block of 256 KiB: allocate, touch every page, free",
            run: { measureOneLiveBlock(kib: 256, &$0) }))
    body(
        Workload(
            "vm", "seed", iterations: 15_000, traits,
            "one live block of 2 MiB: allocate, touch every page, free",
            run: { measureOneLiveBlock(kib: 2 * 1024, &$0) }))
    body(
        Workload(
            "mixed", "seed", iterations: 15_000, traits,
            "a block of 64 KiB, one of 256 KiB and one of 2 MiB in turn",
            run: { measureMixedBlocks(&$0) }))
    body(
        Workload(
            "whale", "seed", iterations: 10, [.touch, .quick],
            "one live block of 32 MiB: allocate, touch every page, free",
            run: { measureOneLiveBlock(kib: 32 * 1024, &$0) }))
}

/// Blocks of one size.
private func measureOneLiveBlock(kib: Int, _ measurement: inout Measurement) {
    let bytes = kib * 1024
    if measurement.touchesOnly {
        let buffer = mappedBuffer(bytes)
        measurement.time { workload_touch(buffer, bytes) }
    } else {
        measurement.time { useBlock(bytes) }
    }
}

/// Blocks of the json, mir and vm scenarios in turn; an iteration is one of each.
private func measureMixedBlocks(_ measurement: inout Measurement) {
    let (json, mir, vm) = (64 * 1024, 256 * 1024, 2 * 1024 * 1024)
    if measurement.touchesOnly {
        let buffer = mappedBuffer(vm)
        measurement.time {
            workload_touch(buffer, json)
            workload_touch(buffer, mir)
            workload_touch(buffer, vm)
        }
    } else {
        measurement.time {
            useBlock(json)
            useBlock(mir)
            useBlock(vm)
        }
    }
}

/// The life of one block.
@inline(__always)
private func useBlock(_ bytes: Int) {
    guard let block = malloc(bytes) else { failWithoutMemory() }
    workload_touch(block, bytes)
    free(block)
}

/// Memory backed by pages already.
private func mappedBuffer(_ bytes: Int) -> UnsafeMutableRawPointer {
    guard let buffer = workload_map(bytes) else {
        fail("no memory for the buffer to touch", status: ExitStatus.failure)
    }
    workload_touch(buffer, bytes)
    return buffer
}
