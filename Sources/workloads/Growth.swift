// SPDX-License-Identifier: MIT
//
// The family of growing by realloc: vectors that double, strings that grow by their tails, and
// large arrays that grow a little at a time.

import CWorkload

func visitGrowth(_ body: (Workload) -> Void) {
    body(
        Workload(
            "grow-vectors", "growth", iterations: 300_000, [.quick],
            "1,000 vectors in turn double from 16 bytes to 8 KiB, one realloc an operation",
            run: { measureVectors(&$0) }))
    body(
        Workload(
            "grow-strings", "growth", iterations: 1_500_000, [.quick],
            "100 strings in turn grow by 1 to 32 bytes to 2 KiB, one realloc an operation",
            run: { measureStrings(&$0) }))
    body(
        Workload(
            "grow-8m", "growth", iterations: 10_000, [],
            "blocks grow by 4 KiB at a time to 8 MiB and are written as they grow",
            run: { measureGrowth(step: 4 * 1024, eighths: 0, mib: 8, &$0) }))
    body(
        Workload(
            "grow-100m", "growth", iterations: 100, [.quick],
            "blocks grow by an eighth at a time to 100 MiB and are written as they grow",
            run: { measureGrowth(step: 64 * 1024, eighths: 1, mib: 100, &$0) }))
}

@inline(__always)
private func grow(_ block: UnsafeMutableRawPointer?, to bytes: Int) -> UnsafeMutableRawPointer {
    guard let grown = realloc(block, bytes) else { failWithoutMemory() }
    return grown
}

private func measureVectors(_ measurement: inout Measurement) {
    let table = Table(count: 1_000)
    let (least, most) = (16, 8 * 1024)
    var bytes = least
    var index = 0
    let operations = measurement.iterations
    measurement.section(operations: operations) {
        for _ in 0..<operations {
            let block = table.slots[index]
            if let block { checkByte(block, bytes / 2 - 1) }
            let grown = grow(block, to: bytes)
            grown.storeBytes(of: UInt8(0xA5), toByteOffset: bytes - 1, as: UInt8.self)
            table.slots[index] = grown
            index += 1
            if index == table.count {
                index = 0
                bytes *= 2
                if bytes > most {
                    bytes = least
                    table.freeBlocks()
                }
            }
        }
    }
    table.freeBlocks()
    table.unmap()
}

private func measureStrings(_ measurement: inout Measurement) {
    let table = Table(count: 100)
    let lengths = mappedMemory(table.count, of: Int.self)
    var random = Random(seed: 5)
    var index = 0
    let operations = measurement.iterations
    measurement.section(operations: operations) {
        for _ in 0..<operations {
            let length = lengths[index]
            let block = table.slots[index]
            if let block, length > 0 { checkByte(block, length - 1) }
            let longer = length + 1 + random.next(below: 32)
            let grown = grow(block, to: longer)
            for offset in length..<longer {
                grown.storeBytes(of: UInt8(0xA5), toByteOffset: offset, as: UInt8.self)
            }
            if longer < 2048 {
                table.slots[index] = grown
                lengths[index] = longer
            } else {
                free(grown)
                table.slots[index] = nil
                lengths[index] = 0
            }
            index = index + 1 == table.count ? 0 : index + 1
        }
    }
    table.freeBlocks()
    table.unmap()
}

/// One block from nothing to `mib` MiB, over and over.
private func measureGrowth(
    step: Int, eighths: Int, mib: Int, _ measurement: inout Measurement
) {
    let bytesMax = mib << 20
    var block: UnsafeMutableRawPointer?
    var bytes = 0
    let operations = measurement.iterations
    measurement.section(operations: operations) {
        for _ in 0..<operations {
            let larger = bytes + step + bytes / 8 * eighths
            if larger > bytesMax {
                free(block)
                (block, bytes) = (nil, 0)
                continue
            }
            let grown = grow(block, to: larger)
            if bytes > 0 { checkByte(grown, bytes - 1) }
            memset(grown + bytes, 0xA5, larger - bytes)
            (block, bytes) = (grown, larger)
        }
        free(block)
    }
    measurement.allocationsMin = operations / 2
}

/// Ends the process when a byte that was written is not there.
@inline(__always)
private func checkByte(_ block: UnsafeMutableRawPointer, _ offset: Int) {
    guard block.load(fromByteOffset: offset, as: UInt8.self) == 0xA5 else { failOverwritten() }
}

extension Table {
    /// Frees the blocks without looking into them.
    func freeBlocks() {
        for index in 0..<count {
            free(slots[index])
            slots[index] = nil
        }
    }
}
