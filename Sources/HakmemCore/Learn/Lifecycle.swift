// SPDX-License-Identifier: MIT
//
// The life cycle of what is learnt about one load (evolution):
//
//             settled, or p99 stable, or time limit           by chance, `canaryShare` of windows
//    LEARN ────────────────────────────────────────► FROZEN ◄──────────────────────────► CANARY
//      ▲                                                │      no better: rolled back after
//      └────────────────────────────────────────────────┘      its window; better several
//         p99 worse for `triggerWindows`, or settings         windows running: champion
//         matter that did not, unless held back
//
// A load that changes starts a life cycle of its own (Tournament.swift). All facts are passed in.
//
// Owner: the load it is part of. Invariant: in LEARN there is no challenger, and in CANARY it is
// not the champion.

/// Whether and how life cycles may run.
package enum EvolutionMode {
    /// The whole life cycle.
    case auto
    /// Strategies are tried for ever.
    case learn
    /// The first champion stays.
    case frozen
}

/// What the life cycle is told about a window.
struct LifecycleFacts {
    var endMs: UInt
    /// The strategy that the window ran, its p99 in nanoseconds and its cost.
    var strategy: Int
    var p99Ns: Double
    var cost: Double
    /// What the selector thinks, and who it would send into a canary.
    var leader: Int
    var isSettled: Bool
    var mode: EvolutionMode
    var hasSeenAll: Bool
    var challenger: Int
    /// Whether learning may begin again, and whether anything may be tried.
    var mayRelearn: Bool
    var mayTry = true
    /// Whether settings matter by now that did not when the champion was found.
    var hasNewCandidates = false
    var random: UInt64
}

struct Lifecycle {
    private(set) var state: EvolutionState
    /// The strategy that FROZEN runs; in LEARN the one before.
    private(set) var champion: Int
    private(set) var challenger: Int
    /// What a window of the champion costs.
    private(set) var championCost = CostEstimate()
    private(set) var history = WindowHistory()
    /// The champion's p99 after the freeze, in nanoseconds; nil until it is known.
    private var p99Baseline: Double?
    private var beganMs: UInt
    /// Windows that the challenger won in this canary.
    private var wins = 0

    /// Windows in a row that a trigger needs.
    static let triggerWindows = 3
    private static let stableShare = 0.01
    private static let worseRatio = 1.2
    private static let learnMsMax: UInt = 180_000
    /// One window in this many is a canary.
    private static let canaryEvery = 20
    /// Windows in a row that a challenger wins to become champion, each by at least this share.
    private static let winsToPromote = 3
    private static let winShare = 0.01

    init(champion: Int, state: EvolutionState, nowMs: UInt) {
        self.champion = champion
        self.state = state
        challenger = champion
        beganMs = nowMs
    }

    mutating func windowEnded(_ facts: LifecycleFacts) -> DecisionReason {
        history.add(strategy: facts.strategy, p99Ns: facts.p99Ns)
        switch state {
        case .learn: return learnt(facts)
        case .frozen: return stood(facts)
        case .canary: return challenged(facts)
        }
    }

    private mutating func learnt(_ facts: LifecycleFacts) -> DecisionReason {
        let isStable = history.isStable(
            windows: Lifecycle.triggerWindows, share: Lifecycle.stableShare)
        if facts.mode == .learn { return .trying }
        if facts.isSettled { return freeze(facts, .settled) }
        if isStable, facts.hasSeenAll, facts.strategy == facts.leader {
            return freeze(facts, .p99Stable)
        }
        if facts.endMs - min(facts.endMs, beganMs) >= Lifecycle.learnMsMax {
            return freeze(facts, .timeLimit)
        }
        return .trying
    }

    private mutating func freeze(_ facts: LifecycleFacts, _ reason: DecisionReason)
        -> DecisionReason
    {
        state = .frozen
        champion = facts.leader
        forgetChampion()
        return reason
    }

    private mutating func forgetChampion() {
        challenger = champion
        history = WindowHistory()
        championCost = CostEstimate()
        p99Baseline = nil
    }

    private mutating func stood(_ facts: LifecycleFacts) -> DecisionReason {
        guard facts.strategy == champion else { return .steady }
        championCost.add(facts.cost)
        if facts.mode == .frozen { return .steady }
        guard let baseline = p99Baseline else {
            p99Baseline = history.meanP99(windows: Lifecycle.triggerWindows, of: champion)
            return .steady
        }
        let isWorse = history.isAbove(
            baseline * Lifecycle.worseRatio, windows: Lifecycle.triggerWindows, of: champion)
        if isWorse {
            if facts.mayRelearn {
                relearn(nowMs: facts.endMs)
                return .p99Worse
            }
            return .heldBack
        }
        if facts.hasNewCandidates, facts.mayRelearn {
            relearn(nowMs: facts.endMs)
            return .newDemands
        }
        if facts.mayTry, facts.challenger != champion,
            Selection.below(Lifecycle.canaryEvery, facts.random) == 0
        {
            state = .canary
            challenger = facts.challenger
            wins = 0
            return .canaryBegun
        }
        return .steady
    }

    private mutating func challenged(_ facts: LifecycleFacts) -> DecisionReason {
        guard facts.strategy == challenger else { return rollBack(.canaryDisturbed) }
        guard facts.cost < championCost.cost * (1 - Lifecycle.winShare) else {
            return rollBack(.canaryWorse)
        }
        wins += 1
        if wins < Lifecycle.winsToPromote { return .canaryAhead }
        state = .frozen
        champion = challenger
        forgetChampion()
        return .canaryBetter
    }

    /// Ends a canary, if there is one: the champion has the next window.
    mutating func rollBack(_ reason: DecisionReason) -> DecisionReason {
        if state == .canary { state = .frozen }
        challenger = champion
        return reason
    }

    /// Whether the champion is known well enough to look at it now and then only.
    var isSteady: Bool { state == .frozen && p99Baseline != nil }

    /// Begins to learn again.
    mutating func relearn(nowMs: UInt) {
        state = .learn
        beganMs = nowMs
        forgetChampion()
    }
}
