// SPDX-License-Identifier: MIT
//
// How a window's requests spread over sizes: a histogram that tells whether two windows had
// comparable load. Two buckets a doubling up to a page, where most requests are, and one a doubling
// above:
//
//   bucket 0       16…23 B and less     bucket 15   3…4 KiB
//   bucket 16      4…8 KiB              bucket 31   128 MiB and more
//
// Owner: whoever measures; a value.

package struct SizeDistribution {
    static let bucketCount = 32
    private static let firstShift = 4
    private static let pageShift = 12
    /// Buckets below a page.
    private static let fineCount = 16

    private var counts = InlineArray<32, UInt32>(repeating: 0)
    private(set) var total: UInt32 = 0

    package init() {}

    /// The bucket of a request of `bytes`.
    static func bucket(_ bytes: UInt) -> Int {
        if bytes < 1 << UInt(firstShift) { return 0 }
        let log = UInt.bitWidth - 1 - bytes.leadingZeroBitCount
        if log >= pageShift { return min(fineCount + log - pageShift, bucketCount - 1) }
        let half = Int(bytes >> UInt(log - 1)) & 1
        return 2 * (log - firstShift) + half
    }

    /// Counts `times` requests of `bytes`. A count that is full stays full.
    package mutating func add(_ bytes: UInt, times: UInt32 = 1) {
        add(bucket: SizeDistribution.bucket(bytes), times: times)
    }

    /// Counts `times` requests of a bucket's sizes.
    mutating func add(bucket: Int, times: UInt32) {
        let room = UInt32.max - total
        let added = min(times, room)
        counts[bucket] += added
        total += added
    }

    /// Adds all counts of another window, both halved first when the sum would not fit.
    mutating func merge(_ other: SizeDistribution) {
        let isTight = total.addingReportingOverflow(other.total).overflow
        total = 0
        for index in 0..<SizeDistribution.bucketCount {
            let shift: UInt32 = isTight ? 1 : 0
            counts[index] = (counts[index] >> shift) + (other.counts[index] >> shift)
            total += counts[index]
        }
    }

    /// Total variation: the share of requests, 0…1, that would have to change their bucket. An
    /// empty distribution is at distance 0 from an empty one, and at 1 from all others.
    func distance(to other: SizeDistribution) -> Double {
        if total == 0 || other.total == 0 { return total == other.total ? 0 : 1 }
        var sum = 0.0
        for index in 0..<SizeDistribution.bucketCount {
            let share = Double(counts[index]) / Double(total)
            let otherShare = Double(other.counts[index]) / Double(other.total)
            sum += (share - otherShare).magnitude
        }
        return sum / 2
    }
}
