// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

@Suite struct SpanBinsTests {
    /// A zeroed set of bins, which is how the page heap has it.
    private func withBins(_ body: (inout SpanBins) -> Void) {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<SpanBins>.size, alignment: MemoryLayout<SpanBins>.alignment)
        memory.initializeMemory(
            as: UInt8.self, repeating: 0, count: MemoryLayout<SpanBins>.size)
        body(&memory.assumingMemoryBound(to: SpanBins.self).pointee)
        memory.deallocate()
    }

    @Test func emptyFindsNothing() {
        withBins { bins in
            for granules in UInt(1)...300 where bins.find(granules) != nil {
                Issue.record("\(granules)")
            }
        }
    }

    @Test func everySizeIsFoundFromBelow() {
        let loose = LooseSpans(count: 1)
        defer { loose.deallocate() }
        let span = loose.spans[0]
        withBins { bins in
            for size in UInt(1)...300 {
                span.header.pointee.granules = UInt32(size)
                bins.insert(span)
                for wanted in UInt(1)...300 {
                    let found = bins.find(wanted)
                    if found != (wanted <= size ? span : nil) {
                        Issue.record("\(size): \(wanted)")
                    }
                }
                bins.remove(span)
                #expect(bins.find(1) == nil)
            }
        }
    }

    @Test func randomOperationsFindTheBestFit() {
        let loose = LooseSpans(count: 120)
        defer { loose.deallocate() }
        var random = Randomness(seed: Randomness.printedSeed())
        withBins { bins in
            var inside: [Span] = []
            var outside = loose.spans
            for _ in 0..<20_000 {
                if !outside.isEmpty, random.below(2) == 0 {
                    let span = outside.remove(at: random.below(outside.count))
                    let top = random.below(3) == 0 ? 1000 : 140
                    span.header.pointee.granules = UInt32(1 + random.below(top))
                    bins.insert(span)
                    inside.append(span)
                } else if !inside.isEmpty {
                    let span = inside.remove(at: random.below(inside.count))
                    bins.remove(span)
                    outside.append(span)
                }
                let wanted = 1 + random.below(random.below(2) == 0 ? 140 : 1000)
                let best = inside.map { Int($0.header.pointee.granules) }
                    .filter { $0 >= wanted }.min()
                let found = bins.find(UInt(wanted)).map { Int($0.header.pointee.granules) }
                if found != best { Issue.record("\(wanted): \(String(describing: found))") }
                let most = inside.map { $0.header.pointee.granules }.max()
                if bins.findLargest()?.header.pointee.granules != most {
                    Issue.record("not the largest of \(inside.count)")
                }
            }
        }
    }
}
