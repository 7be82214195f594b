// SPDX-License-Identifier: MIT
//
// The cost of a strategy, from windows that other programs disturb now and then. Disturbances only
// ever add to a cost, so the estimate is a mean that trusts low values and doubts high ones:
//
//   a value far below the mean replaces it: what was averaged so far was disturbed
//   a value far above the mean counts as just `doubtRatio` times the mean
//
// Old windows fade: a value has at least the weight 1 / `memory`.

package struct CostEstimate {
    package private(set) var cost = 0.0
    /// Windows that the estimate rests on.
    package private(set) var samples = 0

    private static let memory = 16
    private static let samplesMax = 1 << 20
    /// A value above this multiple of the mean is doubted.
    private static let doubtRatio = 1.1
    /// A value below this multiple of the mean replaces it.
    private static let replaceRatio = 0.8

    init() {}

    /// An estimate that rests on other evidence, as that of an earlier run.
    init(cost: Double, samples: Int) {
        self.cost = cost
        self.samples = max(0, min(samples, CostEstimate.samplesMax))
    }

    mutating func add(_ value: Double) {
        if samples == 0 || value < cost * CostEstimate.replaceRatio {
            cost = value
            samples = 1
            return
        }
        samples = min(samples + 1, CostEstimate.samplesMax)
        let weight = Double(min(samples, CostEstimate.memory))
        cost += (min(value, cost * CostEstimate.doubtRatio) - cost) / weight
    }
}
