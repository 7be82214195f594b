// SPDX-License-Identifier: MIT
//
// Every interleaving of the protocol of CachePool.swift: senders, a leaver, adopters and who cools
// down, of one cache; or, in a forked child, senders and an adopter of an orphan. Each atomic step
// of the code is a step here.

import Testing

/// What the protocol has that may be left out, to see that it is found missing.
struct PoolRules: Hashable {
    var senderLooksAtState = true
    var leaverLooksAtInbox = true
    var visitorLooksAgain = true
    var takingIsAtomic = true
    /// Whether the write of `pooled` is seen by all before its writer's next read.
    var leavingIsOrdered = true
}

private struct PoolModel: Interleaving {
    enum CacheState: UInt8 { case owned, pooled, visited, orphan }

    enum Step: UInt8 {
        // Sender.
        case push
        // reclaimOrphans. The visits that follow it are not more than the one that a sender makes.
        case readOrphan, lockToReclaim, reclaim, unlockToReclaim
        // visitIfNeeded: both loads, the take, the drain, the leave.
        case readState, readInbox, take, drainVisited, freeVisited, leaveVisited
        // Leaver: the owner's last drain, and abandon.
        case drainOwned, freeOwned, lockToLeave, leave, unlockToLeave
        // Adopter.
        case lockToAdopt, adopt, unlockToAdopt, drainAdopted, freeAdopted
        // Who cools down: takeOldestWarm. What follows is a visit.
        case lockToCool, takeToCool, unlockToCool
        case done
    }

    struct Actor: Hashable {
        var step: Step
        var message: UInt8 = 0
        var taken: UInt8 = 0
        /// `pooled` is written but not yet seen by others.
        var holdsBack = false
        /// An adopter that abandons the cache again.
        var leavesAgain = false
        var isAdopter = false
        var isInside = false
    }

    var rules = PoolRules()
    var actors: [Actor]
    var cache = CacheState.owned
    var isListed = false
    var isLocked = false
    var inbox: UInt8 = 0
    var freed: UInt8 = 0
    var violation: String?

    init(
        senders: Int, adopters: Int, coolers: Int = 0, leavesAgain: Bool, isOrphan: Bool = false,
        rules: PoolRules = PoolRules()
    ) {
        self.rules = rules
        actors = (0..<senders).map { Actor(step: .push, message: 1 << UInt8($0)) }
        if isOrphan {
            cache = .orphan
        } else {
            actors.append(Actor(step: .drainOwned, isInside: true))
        }
        for _ in 0..<adopters {
            actors.append(Actor(step: .readOrphan, leavesAgain: leavesAgain, isAdopter: true))
        }
        for _ in 0..<coolers { actors.append(Actor(step: .lockToCool)) }
    }

    var successors: [PoolModel] {
        var all: [PoolModel] = []
        for index in actors.indices {
            if actors[index].holdsBack {
                var flushed = self
                flushed.actors[index].holdsBack = false
                flushed.cache = .pooled
                all.append(flushed)
            }
            if actors[index].step != .done {
                var next = self
                next.advance(index)
                if next.actors.filter(\.isInside).count > 1 {
                    next.violation = "two threads have the cache"
                }
                all.append(next)
            }
        }
        return all
    }

    var violationAtEnd: String? {
        if actors.contains(where: { $0.step != .done }) { return "deadlock" }
        let all = actors.reduce(0) { $0 | $1.message }
        switch cache {
        case .visited: return "left as visited"
        case .orphan: return "left an orphan"
        case .pooled where inbox != 0: return "a message waits for nobody"
        case .pooled, .owned: return freed | inbox == all ? nil : "a message is lost"
        }
    }

    private mutating func advance(_ index: Int) {
        var actor = actors[index]
        // A locked instruction waits until its processor's writes are seen.
        let locked: Set<Step> = [
            .push, .take, .drainVisited, .lockToAdopt, .lockToLeave, .adopt, .lockToReclaim,
            .lockToCool, .takeToCool,
        ]
        if actor.holdsBack, locked.contains(actor.step) { return }
        switch actor.step {
        case .push:
            inbox |= actor.message
            actor.step = rules.senderLooksAtState ? .readOrphan : .done
        case .readOrphan:
            let next: Step = actor.isAdopter ? .lockToAdopt : .readState
            actor.step = cache == .orphan ? .lockToReclaim : next
        case .lockToReclaim: lock(&actor, then: .reclaim)
        case .reclaim:
            actor.step = .unlockToReclaim
            if cache == .orphan {
                isListed = true
                writePooled(&actor, then: .unlockToReclaim)
            }
        case .unlockToReclaim:
            isLocked = false
            actor.step = actor.isAdopter ? .lockToAdopt : .readState
        case .readState:
            actor.step = cache == .pooled || actor.holdsBack ? .readInbox : .done
        case .readInbox:
            actor.step = inbox != 0 ? .take : .done
        case .take:
            actor.step = .done
            if cache == .pooled || !rules.takingIsAtomic {
                cache = .visited
                actor.isInside = true
                actor.step = .drainVisited
            }
        case .drainVisited: drain(&actor, then: .freeVisited)
        case .freeVisited: free(&actor, then: .leaveVisited)
        case .leaveVisited: writePooled(&actor, then: rules.visitorLooksAgain ? .readState : .done)
        case .drainOwned: drain(&actor, then: .freeOwned)
        case .freeOwned: free(&actor, then: .lockToLeave)
        case .lockToLeave: lock(&actor, then: .leave)
        case .leave:
            isListed = true
            writePooled(&actor, then: .unlockToLeave)
        case .unlockToLeave:
            isLocked = false
            actor.step = rules.leaverLooksAtInbox ? .readState : .done
        case .lockToAdopt: lock(&actor, then: .adopt)
        case .adopt:
            if !isListed {
                actor.step = .unlockToAdopt
            } else if cache == .pooled || !rules.takingIsAtomic {
                cache = .owned
                isListed = false
                actor.isInside = true
                actor.step = .unlockToAdopt
            }
        case .unlockToAdopt:
            isLocked = false
            actor.step = actor.isInside ? .drainAdopted : .done
        case .drainAdopted: drain(&actor, then: .freeAdopted)
        case .freeAdopted:
            free(&actor, then: actor.leavesAgain ? .drainOwned : .done)
            actor.leavesAgain = false
        case .lockToCool: lock(&actor, then: .takeToCool)
        case .takeToCool:
            actor.step = .unlockToCool
            if isListed, cache == .pooled || !rules.takingIsAtomic {
                cache = .visited
                actor.isInside = true
            }
        case .unlockToCool:
            isLocked = false
            actor.step = actor.isInside ? .drainVisited : .done
        case .done: break
        }
        actors[index] = actor
    }

    private mutating func lock(_ actor: inout Actor, then step: Step) {
        if isLocked { return }
        isLocked = true
        actor.step = step
    }

    private mutating func drain(_ actor: inout Actor, then step: Step) {
        actor.taken = inbox
        inbox = 0
        actor.step = step
    }

    private mutating func free(_ actor: inout Actor, then step: Step) {
        if freed & actor.taken != 0 { violation = "a message twice" }
        freed |= actor.taken
        actor.taken = 0
        actor.step = step
    }

    private mutating func writePooled(_ actor: inout Actor, then step: Step) {
        if rules.leavingIsOrdered { cache = .pooled } else { actor.holdsBack = true }
        actor.isInside = false
        actor.step = step
    }
}

@Suite struct CachePoolModelTests {
    @Test(
        arguments: [
            (1, 0, 0), (2, 0, 0), (3, 0, 0), (1, 1, 0), (2, 1, 0), (3, 1, 0), (2, 2, 0), (0, 1, 1),
            (1, 0, 1), (2, 0, 1), (1, 1, 1), (2, 1, 1), (1, 0, 2), (1, 1, 2), (1, 2, 1),
        ], [false, true])
    func nothingIsLostOrShared(
        actors: (senders: Int, adopters: Int, coolers: Int), leavesAgain: Bool
    ) {
        let run = Exploration(
            from: PoolModel(
                senders: actors.senders, adopters: actors.adopters, coolers: actors.coolers,
                leavesAgain: leavesAgain))
        #expect(run.violation == nil)
        #expect(run.endings > 0)
        print("\(actors): \(run.states) states")
    }

    @Test(arguments: [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (3, 1), (2, 2)])
    func nothingSentToAnOrphanIsLost(actors: (senders: Int, adopters: Int)) {
        let run = Exploration(
            from: PoolModel(
                senders: actors.senders, adopters: actors.adopters, leavesAgain: true,
                isOrphan: true))
        #expect(run.violation == nil)
        #expect(run.endings > 0)
    }

    @Test(arguments: [
        PoolRules(senderLooksAtState: false), PoolRules(leaverLooksAtInbox: false),
        PoolRules(visitorLooksAgain: false), PoolRules(takingIsAtomic: false),
        PoolRules(leavingIsOrdered: false),
    ])
    func everyRuleIsNeeded(rules: PoolRules) {
        let run = Exploration(
            from: PoolModel(senders: 2, adopters: 1, leavesAgain: false, rules: rules))
        #expect(run.violation != nil)
    }
}
