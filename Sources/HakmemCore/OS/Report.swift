// SPDX-License-Identifier: MIT
//
// What the allocator says to a person: one line on standard error, beginning "hakmem: ".
//
// Called under no lock but the slab lock of the thread's own cache. Reports of misuse end the
// program unless HAKMEM_ON_ERROR=ignore.

import CHakmemShim
import Synchronization

/// A misuse of the heap by the program.
enum Misuse {
    case doubleFree(blockBytes: UInt)
    case notABlock
    case foreign
    case wrongSize(given: UInt, blockBytes: UInt)
    case wrongAlignment(given: UInt)
}

enum Report {
    private static let standardError: Int32 = 2

    /// Misuses that HAKMEM_ON_ERROR=ignore has let pass.
    static let ignored = Atomic<UInt>(0)

    /// Reports a misuse; returns only when errors are ignored.
    @inline(never)
    static func misuse(_ misuse: Misuse, at address: UInt) {
        var text = TextBuffer(sink: .descriptor(standardError))
        text.append("hakmem: ")
        switch misuse {
        case .doubleFree(let blockBytes):
            text.append("double free of ")
            text.append(hexadecimal: address)
            text.append(" (")
            text.append(decimal: blockBytes)
            text.append("-byte block)")
        case .notABlock:
            text.append("free of ")
            text.append(hexadecimal: address)
            text.append(", which is not the start of a block")
        case .foreign:
            text.append("free of foreign pointer ")
            text.append(hexadecimal: address)
        case .wrongSize(let given, let blockBytes):
            text.append("free_sized of ")
            text.append(hexadecimal: address)
            text.append(" with size ")
            text.append(decimal: given)
            text.append(", but the block has ")
            text.append(decimal: blockBytes)
            text.append(" bytes")
        case .wrongAlignment(let given):
            text.append("free_aligned_sized of ")
            text.append(hexadecimal: address)
            text.append(" with alignment ")
            text.append(decimal: given)
            text.append(", which the block does not have")
        }
        text.append("\n")
        text.flush()
        if !process.options.ignoresErrors { abort() }
        ignored.wrappingAdd(1, ordering: .relaxed)
    }

    /// Ends the program: a slab's count of free blocks is wrong, so the program has written over
    /// what is ours, and no block of it is safe to give.
    @inline(never)
    static func damagedSlab(_ start: UInt) -> Never {
        var text = TextBuffer(sink: .descriptor(standardError))
        text.append("hakmem: the heap is damaged around ")
        text.append(hexadecimal: start)
        text.append("\n")
        text.flush()
        abort()
    }

    /// Says why a profile is not used; `line` is 0 when it is no line's fault.
    static func badProfile(_ path: UnsafePointer<CChar>, line: Int, _ reason: StaticString) {
        var text = TextBuffer(sink: .descriptor(standardError))
        text.append("hakmem: profile ")
        text.append(cString: path)
        if line > 0 {
            text.append(", line ")
            text.append(decimal: UInt(line))
        }
        text.append(": ")
        text.append(reason)
        text.append("; the defaults are used\n")
        text.flush()
    }

    /// One line about weights that HAKMEM_EVO cannot have.
    static func badWeights(_ value: UnsafePointer<CChar>) {
        var text = TextBuffer(sink: .descriptor(standardError))
        text.append("hakmem: HAKMEM_EVO=")
        text.append(cString: value)
        text.append(" is not one of ")
        text.append(OptionName.evolution.spec.words)
        text.append(" with three weights from 0 to 100, not all 0, as in auto:40,30,30")
        text.append("; the default is used\n")
        text.flush()
    }

    /// Names an option whose value is none of its values, the range, and the default that holds.
    static func badOption(_ name: OptionName, _ value: UnsafePointer<CChar>) {
        let spec = name.spec
        var text = TextBuffer(sink: .descriptor(standardError))
        text.append("hakmem: ")
        text.append(spec.variable)
        text.append("=")
        text.append(cString: value)
        text.append(" is not ")
        switch spec.kind {
        case .word:
            text.append("one of ")
            text.append(spec.words)
        case .number, .text:
            text.append("a number from ")
            text.append(decimal: spec.min)
            text.append(" to ")
            text.append(decimal: spec.max)
        }
        text.append("; the default is used\n")
        text.flush()
    }
}
