// SPDX-License-Identifier: MIT
//
// The strategy that is active in this process: what slow paths ask, and hit paths never.
//
//   table    the strategies with the user's options in them; written by the start, and by mallopt,
//            whose whole words a reader sees as they were or as they are
//   active   one word that names one of them; written by the cold tick alone (Evolution), relaxed:
//            any strategy is right at any time, so nobody needs to see a change soon
//
// Without learning there is no such word: the first row is the one.

import CHakmemShim
import Synchronization

#if HAKMEM_LEARNING
    /// Address of the active row. Written by the start and the cold tick.
    private let activeRow = Atomic<UInt>(0)
#endif

/// The active strategy.
@inline(__always)
var policy: UnsafePointer<Strategy> {
    #if HAKMEM_LEARNING
        return UnsafePointer(pointer(activeRow.load(ordering: .relaxed), to: Strategy.self))
    #else
        return UnsafePointer(strategyTable)
    #endif
}

enum Policy {
    /// Fills the table and begins with the default. For the start, and for tests.
    static func make() {
        fill()
        activate(Strategy.defaultIndex)
    }

    /// Fills the table from the options; the active strategy stays.
    static func fill() {
        for index in 0..<Strategy.count {
            strategyTable[index] = Strategy(index, options: process.options)
        }
    }

    /// Makes a strategy the active one.
    static func activate(_ index: Int) {
        #if HAKMEM_LEARNING
            activeRow.store(UInt(bitPattern: strategyTable + index), ordering: .relaxed)
        #endif
    }
}
