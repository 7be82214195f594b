// SPDX-License-Identifier: MIT
//
// The family of one live block on one thread: allocate, write a byte in every page, free.

import CWorkload

/// Blocks of one size.
func measureOneLiveBlock(kib: Int, _ measurement: inout Measurement) {
    let bytes = kib * 1024
    if measurement.touchesOnly {
        let buffer = mappedBuffer(bytes)
        measurement.time { workload_touch(buffer, bytes) }
    } else {
        measurement.time { useBlock(bytes) }
    }
}

/// Blocks of the json, mir and vm scenarios in turn; an iteration is one of each.
func measureMixedBlocks(_ measurement: inout Measurement) {
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
    guard let block = malloc(bytes) else {
        fail("malloc gave no memory", status: ExitStatus.failure)
    }
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
