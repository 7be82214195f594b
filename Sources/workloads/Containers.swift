// SPDX-License-Identifier: MIT
//
// The family of C++: what maps, hash maps, deques and strings ask of operator new and delete, and
// deletes that tell the size.
//
// The operators are taken from the loader at the start of these rows, libstdc++ behind the
// allocator under test, so that other rows run without libstdc++ and its memory.

import CWorkload

func visitContainers(_ body: (Workload) -> Void) {
    body(
        Workload(
            "cxx-map", "cxx", iterations: 1_500_000, [.quick],
            "a sorted map's nodes through new and delete: 20,000 live, inserted and erased",
            run: { measureMap(&$0) }))
    body(
        Workload(
            "cxx-hash", "cxx", iterations: 800_000, [.quick],
            "hash maps through new and delete: a node a key, buckets that double, dropped whole",
            run: { measureHash(&$0) }))
    body(
        Workload(
            "cxx-deque", "cxx", iterations: 2_000_000, [],
            "a deque through new and delete: 512-byte chunks pushed behind, popped in front",
            run: { measureDeque(&$0) }))
    body(
        Workload(
            "cxx-strings", "cxx", iterations: 1_500_000, [],
            "10,000 strings of 16 to 200 characters through new and delete, copied at random",
            run: { measureStrings(&$0) }))
    body(
        Workload(
            "sized-small", "sized", iterations: 2_000_000, [.quick],
            "random replacement through new and sized delete, 1,000 live, 16 to 128 bytes",
            run: { measureSized(.small, live: 1_000, &$0) }))
    body(
        Workload(
            "sized-medium", "sized", iterations: 800_000, [],
            "random replacement through new and sized delete, 100,000 live, 16 to 1,024 bytes",
            run: { measureSized(.medium, live: 100_000, &$0) }))
}

/// C++'s operators as the loader binds them.
private struct Operators {
    typealias New = @convention(c) (Int) -> UnsafeMutableRawPointer?
    typealias Delete = @convention(c) (UnsafeMutableRawPointer?) -> Void
    typealias SizedDelete = @convention(c) (UnsafeMutableRawPointer?, Int) -> Void

    let new: New
    let delete: Delete
    let sizedDelete: SizedDelete

    init() {
        let library: StaticString = "libstdc++.so.6"
        guard dlopen(library.cString, RTLD_NOW | RTLD_GLOBAL) != nil,
            let new = dlsym(nil, StaticString("_Znwm").cString),
            let delete = dlsym(nil, StaticString("_ZdlPv").cString),
            let sizedDelete = dlsym(nil, StaticString("_ZdlPvm").cString)
        else { fail("no C++ library: install ", library.cString, status: ExitStatus.failure) }
        self.new = unsafeBitCast(new, to: New.self)
        self.delete = unsafeBitCast(delete, to: Delete.self)
        self.sizedDelete = unsafeBitCast(sizedDelete, to: SizedDelete.self)
    }

    @inline(__always)
    func make(_ bytes: Int) -> UnsafeMutableRawPointer { seal(new(bytes)) }

    @inline(__always)
    func drop(_ block: UnsafeMutableRawPointer) {
        checkSeal(block)
        delete(block)
    }
}

/// A map node is 56 bytes: colour, three links, key and value. Keys come and go at random; the
/// search itself, the same under every allocator, is left out.
private func measureMap(_ measurement: inout Measurement) {
    let operators = Operators()
    let (live, nodeBytes) = (20_000, 56)
    let table = Table(count: live)
    var random = Random(seed: 10)
    let operations = measurement.iterations
    measurement.allocationsMin = operations / 3
    measurement.section(operations: operations) {
        for _ in 0..<operations {
            let index = random.next(below: live)
            if let node = table.slots[index] {
                operators.drop(node)
                table.slots[index] = nil
            } else {
                let node = operators.make(nodeBytes)
                // The parent's link is written, as rebalancing does.
                if let parent = table.slots[index / 2] {
                    parent.storeBytes(of: node, toByteOffset: 16, as: UnsafeRawPointer.self)
                }
                table.slots[index] = node
            }
        }
        for index in 0..<live {
            if let node = table.slots[index] { operators.drop(node) }
        }
    }
    table.unmap()
}

private func measureHash(_ measurement: inout Measurement) {
    let operators = Operators()
    let (keys, nodeBytes) = (10_000, 40)
    let table = Table(count: keys)
    let rounds = max(1, measurement.iterations / keys)
    measurement.section(operations: rounds * keys) {
        for _ in 0..<rounds {
            var buckets = 16
            var array = operators.make(buckets * 8)
            for index in 0..<keys {
                table.slots[index] = operators.make(nodeBytes)
                if index == buckets {
                    buckets *= 2
                    let larger = operators.make(buckets * 8)
                    memset(larger + 8, 0, buckets * 8 - 8)
                    operators.drop(array)
                    array = larger
                }
            }
            for index in 0..<keys { operators.drop(table.block(index)) }
            operators.drop(array)
        }
    }
    table.unmap()
}

private func measureDeque(_ measurement: inout Measurement) {
    let operators = Operators()
    let (chunkBytes, chunks) = (512, 64)
    let table = Table(count: chunks)
    let operations = measurement.iterations
    for index in 0..<chunks { table.slots[index] = operators.make(chunkBytes) }
    measurement.section(operations: operations) {
        var index = 0
        for _ in 0..<operations {
            operators.drop(table.block(index))
            table.slots[index] = operators.make(chunkBytes)
            index = (index + 1) & (chunks - 1)
        }
    }
    for index in 0..<chunks { operators.drop(table.block(index)) }
    table.unmap()
}

private func measureStrings(_ measurement: inout Measurement) {
    let operators = Operators()
    let table = Table(count: 10_000)
    let lengths = mappedMemory(table.count, of: Int.self)
    var random = Random(seed: 11)
    for index in 0..<table.count {
        lengths[index] = 16 + random.next(below: 185)
        table.slots[index] = operators.make(lengths[index])
    }
    let operations = measurement.iterations
    measurement.section(operations: operations) {
        for _ in 0..<operations {
            let from = random.next(below: table.count)
            let to = random.next(below: table.count)
            let copy = operators.make(lengths[from])
            memcpy(copy + 8, table.block(from) + 8, lengths[from] - 8)
            operators.drop(table.block(to))
            table.slots[to] = copy
            lengths[to] = lengths[from]
        }
    }
    for index in 0..<table.count { operators.drop(table.block(index)) }
    table.unmap()
}

@inline(__always)
private func measureSized(_ sizes: Sizes, live: Int, _ measurement: inout Measurement) {
    let operators = Operators()
    let table = Table(count: live)
    let bytes = mappedMemory(live, of: Int.self)
    var random = Random(seed: 12)
    for index in 0..<live {
        bytes[index] = sizes.next(&random)
        table.slots[index] = operators.make(bytes[index])
    }
    let operations = measurement.iterations
    measurement.section(operations: operations) {
        for _ in 0..<operations {
            let index = random.next(below: live)
            checkSeal(table.block(index))
            operators.sizedDelete(table.block(index), bytes[index])
            bytes[index] = sizes.next(&random)
            table.slots[index] = operators.make(bytes[index])
        }
    }
    for index in 0..<live { operators.sizedDelete(table.block(index), bytes[index]) }
    table.unmap()
}
