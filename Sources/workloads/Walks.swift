// SPDX-License-Identifier: MIT
//
// The family of linked structures that are built in a heap with a history, and then walked: what
// counts is where the allocator puts blocks, more than how fast it is.

import CWorkload

func visitWalks(_ body: (Workload) -> Void) {
    body(
        Workload(
            "walk-list", "walk", iterations: 100_000, [.quick],
            "a list of 48-byte nodes built in a fragmented heap, walked ten times, dropped",
            run: { measureWalk(.list, &$0) }))
    body(
        Workload(
            "walk-tree", "walk", iterations: 100_000, [],
            "a search tree of 48-byte nodes built in a fragmented heap, walked, dropped",
            run: { measureWalk(.tree, &$0) }))
    body(
        Workload(
            "walk-graph", "walk", iterations: 100_000, [],
            "a graph of nodes and edge arrays built in a fragmented heap, walked, dropped",
            run: { measureWalk(.graph, &$0) }))
}

private enum Shape {
    case list
    case tree
    case graph
}

/// A node: list and tree use `left` as what comes next or lies left; a graph's node has its edges.
private struct Node {
    /// The address of the node itself, as `seal` writes it.
    var own: UInt
    var key: UInt64
    var left: UnsafeMutablePointer<Node>?
    var right: UnsafeMutablePointer<Node>?
    var edges: UnsafeMutablePointer<UInt32>?
    var visits: Int
}

private let walks = 10
private let edgesOfNode = 4

private func measureWalk(_ shape: Shape, _ measurement: inout Measurement) {
    let count = measurement.iterations
    let history = fragmentedHeap(count)
    let table = Table(count: count)
    var random = Random(seed: 3)
    var visited = 0
    measurement.section(operations: count) {
        for index in 0..<count { table.slots[index] = makeNode(shape, &random) }
        switch shape {
        case .list:
            link(table)
            for _ in 0..<walks { visited += walkList(node(table, 0)) }
        case .tree:
            for index in 1..<max(1, count) { insert(node(table, index), under: node(table, 0)) }
            for _ in 0..<walks { visited += walkTree(node(table, 0)) }
        case .graph:
            connect(table, &random)
            for _ in 0..<walks { visited += walkGraph(table) }
        }
        for index in 0..<count {
            free(node(table, index).pointee.edges)
            dropBlock(table.block(index))
        }
    }
    guard visited >= count * walks else { failOverwritten() }
    history.dropBlocks()
    history.unmap()
    table.unmap()
}

/// A heap of blocks of many sizes of which half are left, at random places.
private func fragmentedHeap(_ count: Int) -> Table {
    let table = Table(count: count * 2)
    var random = Random(seed: 4)
    for index in 0..<table.count { table.slots[index] = makeBlock(16 + random.next(below: 113)) }
    table.shuffle(&random)
    for index in 0..<count {
        dropBlock(table.block(index))
        table.slots[index] = nil
    }
    return table
}

@inline(__always)
private func node(_ table: Table, _ index: Int) -> UnsafeMutablePointer<Node> {
    table.block(index).assumingMemoryBound(to: Node.self)
}

private func makeNode(_ shape: Shape, _ random: inout Random) -> UnsafeMutableRawPointer {
    let block = makeBlock(MemoryLayout<Node>.size)
    block.bindMemory(to: Node.self, capacity: 1).pointee = Node(
        own: UInt(bitPattern: block), key: random.next(), left: nil, right: nil, edges: nil,
        visits: 0)
    return block
}

private func link(_ table: Table) {
    for index in 1..<max(1, table.count) {
        node(table, index - 1).pointee.left = node(table, index)
    }
}

private func walkList(_ first: UnsafeMutablePointer<Node>) -> Int {
    var visited = 0
    var next: UnsafeMutablePointer<Node>? = first
    while let node = next {
        node.pointee.visits &+= 1
        visited &+= 1
        next = node.pointee.left
    }
    return visited
}

private func insert(_ node: UnsafeMutablePointer<Node>, under root: UnsafeMutablePointer<Node>) {
    var place = root
    let key = node.pointee.key
    while true {
        if key < place.pointee.key {
            guard let left = place.pointee.left else {
                place.pointee.left = node
                return
            }
            place = left
        } else {
            guard let right = place.pointee.right else {
                place.pointee.right = node
                return
            }
            place = right
        }
    }
}

/// In order of the keys. Random keys keep the depth near twice the logarithm of the count.
private func walkTree(_ node: UnsafeMutablePointer<Node>?) -> Int {
    guard let node else { return 0 }
    let before = walkTree(node.pointee.left)
    node.pointee.visits &+= 1
    return before + 1 + walkTree(node.pointee.right)
}

/// Gives each node an array with random neighbours.
private func connect(_ table: Table, _ random: inout Random) {
    for index in 0..<table.count {
        guard let memory = malloc(edgesOfNode * MemoryLayout<UInt32>.stride) else {
            failWithoutMemory()
        }
        let edges = memory.bindMemory(to: UInt32.self, capacity: edgesOfNode)
        for edge in 0..<edgesOfNode {
            edges[edge] = UInt32(truncatingIfNeeded: random.next(below: table.count))
        }
        node(table, index).pointee.edges = edges
    }
}

/// Every node and its neighbours.
private func walkGraph(_ table: Table) -> Int {
    var visited = 0
    for index in 0..<table.count {
        guard let edges = node(table, index).pointee.edges else { continue }
        for edge in 0..<edgesOfNode {
            node(table, Int(edges[edge])).pointee.visits &+= 1
        }
        visited &+= 1
    }
    return visited
}
