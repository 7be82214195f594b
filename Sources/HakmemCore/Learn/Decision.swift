// SPDX-License-Identifier: MIT
//
// What the tournament says at the end of a window, and why.

/// The states of the life cycle.
package enum EvolutionState: UInt8 {
    /// Strategies are tried against each other.
    case learn = 0
    /// The champion runs.
    case frozen
    /// A challenger has this window.
    case canary

    package var word: StaticString {
        switch self {
        case .learn: "LEARN"
        case .frozen: "FROZEN"
        case .canary: "CANARY"
        }
    }
}

/// Why the next window runs the strategy that it runs.
package enum DecisionReason: UInt8 {
    case idle = 0
    case measuring, trying
    case settled, p99Stable, timeLimit
    case steady
    case canaryBegun, canaryAhead, canaryBetter, canaryWorse, canaryDisturbed
    case p99Worse, loadShifted, loadKnown, newDemands, uneven
    case incomparable, heldBack, restless

    /// Whether there is another champion since, or one at last.
    package var isChange: Bool {
        switch self {
        case .settled, .p99Stable, .timeLimit, .canaryBetter: true
        default: false
        }
    }

    package var text: StaticString {
        switch self {
        case .idle: "too few events to tell anything"
        case .measuring: "measuring the reference"
        case .trying: "trying strategies"
        case .settled: "frozen: the tournament is settled"
        case .p99Stable: "frozen: p99 stays where it is"
        case .timeLimit: "frozen: learning took its time"
        case .steady: "frozen"
        case .canaryBegun: "a challenger has a window"
        case .canaryAhead: "the challenger is ahead and has another window"
        case .canaryBetter: "the challenger is better: it is the champion now"
        case .canaryWorse: "rolled back: the challenger is no better"
        case .canaryDisturbed: "rolled back: the load changed under the challenger"
        case .p99Worse: "learning again: p99 became worse"
        case .loadShifted: "learning: the load is a new one"
        case .loadKnown: "the load is one that was learnt before"
        case .newDemands: "learning again: settings matter now that did not"
        case .uneven: "learning again, in longer windows: those of one strategy differ too much"
        case .incomparable: "another load: the window does not count"
        case .heldBack: "learning again is put off: it came too often"
        case .restless: "the load flips too fast to follow: what was there before runs"
        }
    }
}

/// The outcome of a window.
package struct Decision {
    /// The strategy that the next window runs.
    package let strategy: Int
    /// The state of the next window.
    package let state: EvolutionState
    package let reason: DecisionReason
    /// The window that ended, from 1.
    package let window: UInt
    /// Which of the known loads it had.
    package let load: Int
    /// The cost of that window; 0 when it has none.
    package let cost: Double
}
