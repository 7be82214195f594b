// SPDX-License-Identifier: MIT
//
// misuse CASE [SIZE [OFFSET]]: one misuse of the heap, committed once.
//
// The probe prints `address 0x…`, the address that a report has to name, before it misuses it.
// Where the allocator ends the process, that is the end. Where it goes on, the probe works the
// heap hard, checks it, and prints `ok`.

import Glibc

/// A misuse by name; it gets the size and the offset from the command line.
private var misuses: KeyValuePairs<String, (_ size: UInt, _ offset: UInt) -> Void> {
    [
        "double-free": { size, _ in freeTwice(size) },
        "double-free-aba": { size, _ in freeTwice(size, othersBetween: 1) },
        "double-free-later": { size, _ in
            freeTwice(size, othersBetween: size > 1 << 17 ? 20 : 1000)
        },
        "double-free-cfree": { size, _ in freeTwice(size, again: heap.cfree ?? heap.free) },
        "realloc-freed": { size, _ in
            freeTwice(size, again: { heap.free(heap.realloc($0, size * 2)) })
        },
        "realloc-freed-in-place": { size, _ in
            freeTwice(size, again: { if heap.realloc($0, size) != nil { fail("resized") } })
        },
        "double-free-thread": { size, _ in freeOnTwoThreads(size, ownerIsFirst: true) },
        "double-free-remote": { size, _ in freeOnTwoThreads(size, ownerIsFirst: false) },
        "double-free-remote-twice": { size, _ in freeTwiceRemotely(size) },
        "interior": { size, offset in
            let block = heap.malloc(size)!
            Pattern.fill(block, size, 1)
            misuse(block + Int(offset), heap.free)
            if !Pattern.holds(block, size, 1) { fail("the block changed") }
            heap.free(block)
        },
        "realloc-interior": { size, offset in
            let block = heap.malloc(size)!
            misuse(block + Int(offset)) { if heap.realloc($0, size) != nil { fail("resized") } }
            heap.free(block)
        },
        "stack": { _, _ in
            withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 64) {
                misuse($0.baseAddress! + 1024, heap.free)
            }
        },
        "static": { _, _ in misuse(dlsym(nil, "environ")!, heap.free) },
        "code": { _, _ in misuse(dlsym(nil, "qsort")!, heap.free) },
        "mapped": { _, _ in
            let pages = mmap(
                nil, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
            misuse(pages, heap.free)
            misuse(pages + 4096 + 16, heap.free)
        },
        "never-allocated": { _, _ in misuse(at(0x10_0000), heap.free) },
        "beyond-heap": { size, _ in
            // Far above the block, in whatever the allocator reserved or did not.
            let block = heap.malloc(size)!
            misuse(block + (1 << 30), heap.free)
            heap.free(block)
        },
        "small-integer": { _, _ in misuse(at(0x10), heap.free) },
        "non-canonical": { _, _ in misuse(at(0xdead_beef_dead_beef), heap.free) },
        "kernel-half": { _, _ in misuse(at(0xffff_8000_0000_1000), heap.free) },
        "usable-size-foreign": { _, _ in
            misuse(at(0xdead_beef_dead_beef)) { _ = heap.usableSize($0) }
            misuse(at(0x10)) { _ = heap.usableSize($0) }
            misuse(dlsym(nil, "environ")!) { _ = heap.usableSize($0) }
        },
        "free-sized": { size, wrong in
            guard let freeSized = heap.freeSized else { fail("free_sized is not exported") }
            misuse(heap.malloc(size)!) { freeSized($0, wrong) }
        },
        "free-aligned-sized": { size, wrong in
            guard let release = heap.freeAlignedSized else { fail("free_aligned_sized is missing") }
            misuse(heap.alignedAlloc(64, size)!) { release($0, 64, wrong) }
        },
    ]
}

func runMisuse(_ arguments: [String]) -> Never {
    guard let name = arguments.first, let entry = misuses.first(where: { $0.key == name }) else {
        print("usage: probes misuse CASE [SIZE [OFFSET]], where CASE is one of:")
        for entry in misuses { print("  \(entry.key)") }
        exit(arguments.isEmpty ? 0 : 2)
    }
    // Neighbours of every kind, so that the misused block is one of many.
    let neighbours = (0..<256).map { _ in heap.malloc(48)! }
    for block in neighbours { Pattern.fill(block, 48, 9) }
    entry.value(
        UInt(number(arguments, at: 1, or: 48)), UInt(number(arguments, at: 2, or: 8)))
    for block in neighbours {
        if !Pattern.holds(block, 48, 9) { fail("a neighbour changed") }
        heap.free(block)
    }
    exerciseHeap(steps: 5_000)
    print("ok")
    exit(0)
}

/// An address that nobody allocated.
private func at(_ address: UInt) -> Block { Block(bitPattern: address)! }

/// Tells the address that is about to be misused. Nothing may allocate between a block's first
/// free and its second, so this comes before both.
private func announce(_ block: Block) { print("address \(hexadecimal(block.address))") }

/// Does the one thing to an address that must not be done.
private func misuse(_ block: Block, _ act: (Block) -> Void) {
    announce(block)
    act(block)
}

/// Frees a block, then `othersBetween` blocks of the same size, and then the block once more.
private func freeTwice(
    _ size: UInt, othersBetween: Int = 0, again: (Block) -> Void = { heap.free($0) }
) {
    let others = (0..<othersBetween).map { _ in heap.malloc(size)! }
    let block = heap.malloc(size)!
    announce(block)
    heap.free(block)
    for other in others { heap.free(other) }
    again(block)
}

/// Frees a block on the thread that allocated it and on another one, in either order.
private func freeOnTwoThreads(_ size: UInt, ownerIsFirst: Bool) {
    nonisolated(unsafe) let block = heap.malloc(size)!
    announce(block)
    let gate = Mutex()
    gate.lock()
    let other = RunningThread {
        gate.lock()
        heap.free(block)
    }
    if ownerIsFirst { heap.free(block) }
    gate.unlock()
    other.join()
    if !ownerIsFirst { heap.free(block) }
}

/// Frees a block twice on a thread that does not own it.
private func freeTwiceRemotely(_ size: UInt) {
    nonisolated(unsafe) let block = heap.malloc(size)!
    announce(block)
    RunningThread {
        heap.free(block)
        heap.free(block)
    }.join()
}

/// Random work over the whole heap with verified contents.
private func exerciseHeap(steps: Int) {
    var shadow = ShadowHeap(seed: 1, liveBytesMax: 64 << 20)
    for _ in 0..<steps { shadow.step() }
    shadow.releaseAll()
}
