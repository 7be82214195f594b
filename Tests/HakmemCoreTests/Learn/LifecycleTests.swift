// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct LifecycleTests {
    /// Facts of an uneventful window of strategy 1, which leads.
    private var facts = LifecycleFacts(
        endMs: 1000, strategy: 1, p99Ns: 100, cost: 1, leader: 1, isSettled: false, mode: .auto,
        hasSeenAll: false, challenger: 5, mayRelearn: true, random: .max)

    private func frozen() -> Lifecycle {
        var lifecycle = Lifecycle(champion: 1, state: .frozen, nowMs: 0)
        for _ in 0..<4 { #expect(lifecycle.windowEnded(facts) == .steady) }
        return lifecycle
    }

    private func inCanary() -> Lifecycle {
        var lifecycle = frozen()
        var facts = facts
        facts.random = 0
        #expect(lifecycle.windowEnded(facts) == .canaryBegun)
        #expect(lifecycle.state == .canary && lifecycle.challenger == 5)
        return lifecycle
    }

    private func challenge(_ lifecycle: inout Lifecycle, cost: Double) -> DecisionReason {
        var facts = facts
        facts.strategy = 5
        facts.cost = cost
        return lifecycle.windowEnded(facts)
    }

    @Test func freezesWhenSettled() {
        var lifecycle = Lifecycle(champion: 0, state: .learn, nowMs: 0)
        var facts = facts
        facts.p99Ns = 1
        #expect(lifecycle.windowEnded(facts) == .trying)
        facts.isSettled = true
        #expect(lifecycle.windowEnded(facts) == .settled)
        #expect(lifecycle.state == .frozen && lifecycle.champion == 1)
    }

    @Test func freezesWhenP99IsStableAndAllWereSeen() {
        var lifecycle = Lifecycle(champion: 0, state: .learn, nowMs: 0)
        for _ in 0..<5 { #expect(lifecycle.windowEnded(facts) == .trying) }
        var facts = facts
        facts.hasSeenAll = true
        #expect(lifecycle.windowEnded(facts) == .p99Stable)
    }

    @Test func freezesWhenTimeIsUp() {
        var lifecycle = Lifecycle(champion: 0, state: .learn, nowMs: 1000)
        var facts = facts
        facts.endMs = 180_999
        #expect(lifecycle.windowEnded(facts) == .trying)
        facts.endMs = 181_000
        #expect(lifecycle.windowEnded(facts) == .timeLimit)
    }

    @Test func aWorseChallengerGoesAfterItsWindow() {
        for cost in [0.995, 1, 1.5, 16] {
            var lifecycle = inCanary()
            #expect(challenge(&lifecycle, cost: cost) == .canaryWorse)
            #expect(lifecycle.state == .frozen && lifecycle.champion == 1)
        }
    }

    @Test func aBetterChallengerIsChampionAfterThreeWindows() {
        var lifecycle = inCanary()
        #expect(challenge(&lifecycle, cost: 0.9) == .canaryAhead)
        #expect(challenge(&lifecycle, cost: 0.9) == .canaryAhead)
        #expect(challenge(&lifecycle, cost: 0.9) == .canaryBetter)
        #expect(lifecycle.state == .frozen && lifecycle.champion == 5)
        var lost = inCanary()
        #expect(challenge(&lost, cost: 0.9) == .canaryAhead)
        #expect(challenge(&lost, cost: 1.1) == .canaryWorse)
        #expect(lost.champion == 1)
    }

    @Test func aDisturbedCanaryIsRolledBack() {
        var lifecycle = inCanary()
        #expect(lifecycle.rollBack(.canaryDisturbed) == .canaryDisturbed)
        #expect(lifecycle.state == .frozen)
        var other = inCanary()
        #expect(other.windowEnded(facts) == .canaryDisturbed)
        #expect(other.state == .frozen)
    }

    @Test func learnsAgainWhenP99StaysWorse() {
        var lifecycle = frozen()
        var facts = facts
        facts.p99Ns = 121
        #expect(lifecycle.windowEnded(facts) == .steady)
        #expect(lifecycle.windowEnded(facts) == .steady)
        #expect(lifecycle.windowEnded(facts) == .p99Worse)
        #expect(lifecycle.state == .learn)
    }

    @Test func aPeakOrAHoldDoesNotLearnAgain() {
        var peak = frozen()
        for p99Ns in [150.0, 150, 100, 150, 150] {
            var facts = facts
            facts.p99Ns = p99Ns
            #expect(peak.windowEnded(facts) == .steady)
        }
        var held = frozen()
        var facts = facts
        facts.p99Ns = 150
        facts.mayRelearn = false
        for reason in [DecisionReason.steady, .steady, .heldBack, .heldBack] {
            #expect(held.windowEnded(facts) == reason)
        }
        #expect(held.state == .frozen)
    }

    @Test func modesStayInTheirState() {
        var learning = Lifecycle(champion: 0, state: .learn, nowMs: 0)
        var standing = Lifecycle(champion: 1, state: .frozen, nowMs: 0)
        var facts = facts
        facts.isSettled = true
        facts.endMs = 1_000_000
        facts.random = 0
        for _ in 0..<20 {
            facts.p99Ns *= 2
            facts.mode = .learn
            #expect(learning.windowEnded(facts) == .trying)
            facts.mode = .frozen
            #expect(standing.windowEnded(facts) == .steady)
        }
    }

    @Test func everyDecisionHasItsText() {
        var texts: Set<String> = []
        for value in UInt8.min...UInt8.max {
            guard let reason = DecisionReason(rawValue: value) else { continue }
            #expect(texts.insert(reason.text.description).inserted)
        }
        #expect(texts.count == Int(DecisionReason.restless.rawValue) + 1)
        let words = [EvolutionState.learn, .frozen, .canary].map(\.word.description)
        #expect(words == ["LEARN", "FROZEN", "CANARY"])
    }
}
