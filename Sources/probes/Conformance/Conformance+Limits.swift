// SPDX-License-Identifier: MIT
//
// conformance: sizes and products beyond PTRDIFF_MAX, and beyond any machine.

import Glibc

func checkImpossibleSizes(_ checks: inout Checks) {
    for size in impossibleSizes {
        let text = hexadecimal(size)
        expectNoMemory(&checks, "malloc(\(text))") { heap.malloc(size) }
        expectNoMemory(&checks, "calloc(1, \(text))") { heap.calloc(1, size) }
        expectNoMemory(&checks, "calloc(\(text), 1)") { heap.calloc(size, 1) }
        expectNoMemory(&checks, "realloc(NULL, \(text))") { heap.realloc(nil, size) }
        expectNoMemory(&checks, "reallocarray(NULL, \(text), 1)") {
            heap.reallocarray(nil, size, 1)
        }
        expectNoMemory(&checks, "aligned_alloc(64, \(text))") { heap.alignedAlloc(64, size) }
        expectNoMemory(&checks, "memalign(4096, \(text))") { heap.memalign(4096, size) }
        expectNoMemory(&checks, "valloc(\(text))") { heap.valloc(size) }
        if let pvalloc = heap.pvalloc {
            expectNoMemory(&checks, "pvalloc(\(text))") { pvalloc(size) }
        }
    }
    let products: [(UInt, UInt)] = [
        (UInt.max, 2), (2, UInt.max), (UInt.max / 2 + 1, 2), (1 << 32, 1 << 32),
        (1 << 33, 1 << 31), (UInt.max, UInt.max), (3, UInt.max / 3 + 1), (1 << 62, 2),
        (UInt.max / 16 + 2, 16),
    ]
    for (count, size) in products {
        let text = "\(hexadecimal(count)), \(hexadecimal(size))"
        expectNoMemory(&checks, "calloc(\(text))") { heap.calloc(count, size) }
        expectNoMemory(&checks, "reallocarray(NULL, \(text))") {
            heap.reallocarray(nil, count, size)
        }
    }
    // Allowed by PTRDIFF_MAX, but larger than the address space of the machine.
    for size in [UInt(Int.max), UInt(Int.max) - 4096, 1 << 62, 1 << 57] as [UInt] {
        let text = hexadecimal(size)
        expectNoMemory(&checks, "malloc(\(text))") { heap.malloc(size) }
        expectNoMemory(&checks, "calloc(1, \(text))") { heap.calloc(1, size) }
        expectNoMemory(&checks, "memalign(64, \(text))") { heap.memalign(64, size) }
    }
    guard let block = heap.malloc(100) else { fail("malloc(100) after the failures gave NULL") }
    checks.expect(true, "malloc serves after the failures")
    heap.free(block)
}

private func expectNoMemory(
    _ checks: inout Checks, _ name: String, line: Int = #line, _ call: () -> Block?
) {
    errno = 0
    let block = call()
    let errnoAfter = errno
    checks.expect(
        block == nil && errnoAfter == ENOMEM, "\(name) gives NULL and ENOMEM",
        "\(String(describing: block)), errno \(errnoAfter)", line: line)
}
