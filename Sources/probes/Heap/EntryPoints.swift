// SPDX-License-Identifier: MIT
//
// The entry points that random tests choose from: those that this process's malloc has.

import Glibc

/// The page size of this machine.
let pageSize = UInt(sysconf(Int32(_SC_PAGESIZE)))

/// What C23 lets a block be freed by, beside free.
enum Origin {
    /// From malloc, calloc or realloc: free_sized.
    case plain
    /// From aligned_alloc: free_aligned_sized.
    case aligned
    /// From functions that C23 does not know: neither.
    case foreign
}

/// A way to allocate.
struct AllocationForm {
    let name: String
    let isZeroed: Bool
    let origin: Origin
    /// The alignment that it gives whatever is asked for, where there is one.
    let ownAlignment: UInt?
    let call: (_ alignment: UInt, _ size: UInt) -> Block?

    init(
        _ name: String, isZeroed: Bool = false, origin: Origin = .plain,
        alignment: UInt? = nil,
        _ call: @escaping (_ alignment: UInt, _ size: UInt) -> Block?
    ) {
        self.name = name
        self.isZeroed = isZeroed
        self.origin = origin
        self.ownAlignment = alignment
        self.call = call
    }

    /// One of the aligned forms where there is an alignment, otherwise one of the plain ones.
    static func pick(_ random: inout Randomness, alignment: UInt) -> AllocationForm {
        let forms = alignment > 0 ? aligned : plain
        return forms[random.below(forms.count)]
    }

    nonisolated(unsafe) private static let plain: [AllocationForm] = {
        // malloc several times, as it is most of what programs call.
        var forms = [
            AllocationForm("malloc") { heap.malloc($1) },
            AllocationForm("malloc") { heap.malloc($1) },
            AllocationForm("malloc") { heap.malloc($1) },
            AllocationForm("calloc", isZeroed: true) { heap.calloc(1, $1) },
            AllocationForm("calloc", isZeroed: true) { heap.calloc($1, 1) },
            AllocationForm("realloc") { heap.realloc(nil, $1) },
            AllocationForm("reallocarray") { heap.reallocarray(nil, $1, 1) },
        ]
        if let alloc = heap.hakAlloc, let allocAt = heap.hakAllocAt, let calloc = heap.hakCalloc,
            heap.hakRealloc != nil
        {
            forms += [
                AllocationForm("hak_alloc") { alloc($1) },
                AllocationForm("hak_alloc_at") { allocAt($1, UnsafeRawPointer(bitPattern: $1)) },
                AllocationForm("hak_calloc", isZeroed: true) { calloc(1, $1) },
                AllocationForm("hak_realloc") { heap.hakRealloc!(nil, $1) },
            ]
        }
        return forms
    }()

    nonisolated(unsafe) private static let aligned: [AllocationForm] = {
        var forms = [
            AllocationForm("posix_memalign", origin: .foreign) {
                heap.posixMemalign($0, $1, untouched: nil, errnoBefore: errnoMark).block
            },
            AllocationForm("aligned_alloc", origin: .aligned) { heap.alignedAlloc($0, $1) },
            AllocationForm("memalign", origin: .foreign) { heap.memalign($0, $1) },
            AllocationForm("valloc", origin: .foreign, alignment: pageSize) { heap.valloc($1) },
        ]
        if let pvalloc = heap.pvalloc {
            forms += [
                AllocationForm("pvalloc", origin: .foreign, alignment: pageSize) { pvalloc($1) }
            ]
        }
        return forms
    }()
}

/// A way to resize.
struct ResizeForm {
    let name: String
    let call: (Block, UInt) -> Block?

    static func pick(_ random: inout Randomness) -> ResizeForm { all[random.below(all.count)] }

    nonisolated(unsafe) private static let all: [ResizeForm] = {
        var forms = [
            ResizeForm(name: "realloc") { heap.realloc($0, $1) },
            ResizeForm(name: "reallocarray") { heap.reallocarray($0, 1, $1) },
        ]
        if let realloc = heap.hakRealloc {
            forms.append(ResizeForm(name: "hak_realloc") { realloc($0, $1) })
        }
        return forms
    }()
}

/// A way to free.
struct ReleaseForm {
    let name: String
    let call: (_ block: Block, _ alignment: UInt, _ size: UInt) -> Void

    static func pick(_ random: inout Randomness, _ origin: Origin) -> ReleaseForm {
        let forms =
            switch origin {
            case .plain: plain
            case .aligned: aligned
            case .foreign: both
            }
        return forms[random.below(forms.count)]
    }

    nonisolated(unsafe) private static let always = [
        ReleaseForm(name: "free") { block, _, _ in heap.free(block) },
        ReleaseForm(name: "free") { block, _, _ in heap.free(block) },
    ]

    nonisolated(unsafe) private static let both: [ReleaseForm] = {
        var forms = always
        if let free = heap.cfree { forms.append(.init(name: "cfree") { p, _, _ in free(p) }) }
        if let free = heap.hakFree { forms.append(.init(name: "hak_free") { p, _, _ in free(p) }) }
        if let free = heap.hakFreeAt {
            forms.append(.init(name: "hak_free_at") { p, _, _ in free(p, UnsafeRawPointer(p)) })
        }
        return forms
    }()

    nonisolated(unsafe) private static let plain: [ReleaseForm] = {
        guard let free = heap.freeSized else { return both }
        return both + [ReleaseForm(name: "free_sized") { block, _, size in free(block, size) }]
    }()

    nonisolated(unsafe) private static let aligned: [ReleaseForm] = {
        guard let free = heap.freeAlignedSized else { return both }
        return both + [ReleaseForm(name: "free_aligned_sized") { free($0, $1, $2) }]
    }()
}
