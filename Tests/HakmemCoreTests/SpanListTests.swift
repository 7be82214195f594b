// SPDX-License-Identifier: MIT

import Testing

@testable import HakmemCoreHosted

/// Zeroed span headers that no heap knows.
struct LooseSpans {
    private let memory: UnsafeMutableRawPointer
    let spans: [Span]

    init(count: Int) {
        let bytes = count * Int(Span.headerBytes)
        memory = .allocate(byteCount: bytes, alignment: Int(Span.headerBytes))
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        let start = memory.address
        spans = (0..<count).map { Span(at: start + UInt($0) * Span.headerBytes) }
    }

    func deallocate() { memory.deallocate() }
}

@Suite struct SpanListTests {
    private func contents(_ list: borrowing SpanList) -> [Span] {
        var spans: [Span] = []
        var next = list.firstSpan
        while let span = next {
            spans.append(span)
            next = Span(atOrNil: span.header.pointee.next)
        }
        return spans
    }

    @Test func randomOperationsKeepTheOrder() {
        let loose = LooseSpans(count: 40)
        defer { loose.deallocate() }
        var random = Randomness(seed: Randomness.printedSeed())
        var list = SpanList()
        var model: [Span] = []
        var out = loose.spans
        for _ in 0..<20_000 {
            if !out.isEmpty, random.below(2) == 0 {
                let span = out.remove(at: random.below(out.count))
                if random.below(2) == 0 {
                    list.pushFirst(span)
                    model.insert(span, at: 0)
                } else {
                    list.pushLast(span)
                    model.append(span)
                }
            } else if !model.isEmpty {
                let span = model.remove(at: random.below(model.count))
                list.remove(span)
                out.append(span)
            }
            #expect(list.isEmpty == model.isEmpty)
            #expect(list.firstSpan == model.first && list.lastSpan == model.last)
        }
        #expect(contents(list) == model)
    }

    @Test func onlyMeansFirstAndLast() {
        let loose = LooseSpans(count: 2)
        defer { loose.deallocate() }
        var list = SpanList()
        #expect(list.isOnly(loose.spans[0]) == false)
        list.pushLast(loose.spans[0])
        #expect(list.isOnly(loose.spans[0]) == true)
        #expect(list.isOnly(loose.spans[1]) == false)
        list.pushLast(loose.spans[1])
        #expect(list.isOnly(loose.spans[0]) == false)
    }
}
