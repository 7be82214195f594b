// SPDX-License-Identifier: MIT
//
// Every interleaving of a small protocol: a state machine whose transitions are the atomic steps of
// its threads, over sequentially consistent memory.

/// A protocol in one state.
protocol Interleaving: Hashable {
    /// The states that one step of some thread leads to.
    var successors: [Self] { get }
    /// What may never be, if it is so.
    var violation: String? { get }
    /// What is wrong if this is where everything ends.
    var violationAtEnd: String? { get }
}

struct Exploration {
    private(set) var states = 0
    private(set) var endings = 0
    private(set) var violation: String?

    /// Visits every state once; stops at the first violation.
    init<State: Interleaving>(from initial: State) {
        var seen: Set<State> = [initial]
        var open = [initial]
        while let state = open.popLast() {
            states += 1
            if let found = state.violation {
                violation = found
                return
            }
            // A step that changes nothing is a thread that waits.
            let successors = state.successors.filter { $0 != state }
            if successors.isEmpty {
                endings += 1
                if let found = state.violationAtEnd {
                    violation = found
                    return
                }
            }
            for next in successors where seen.insert(next).inserted { open.append(next) }
        }
    }
}
