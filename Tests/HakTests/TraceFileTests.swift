// SPDX-License-Identifier: MIT

import CTraceFormat
import Testing

@testable import hak

@Suite struct TraceFileTests {
    @Test(arguments: [0, 1, 127, 128, 300, 1 << 32, UInt64.max])
    func numbersAreReadAsTheyWereWritten(number: UInt64) {
        var bytes: [UInt8] = []
        bytes.append(varint: number)
        bytes.append(difference: Int64(bitPattern: number))
        bytes.withUnsafeBytes { raw in
            var reader = VarintReader(raw)
            #expect(reader.number() == number)
            #expect(reader.difference() == Int64(bitPattern: number))
            #expect(reader.number() == nil)
            #expect(reader.byte() == nil)
        }
    }

    @Test func aNumberWithoutAnEndIsNone() {
        [UInt8](repeating: 0xFF, count: 12).withUnsafeBytes { raw in
            var reader = VarintReader(raw)
            #expect(reader.number() == nil)
        }
    }

    private func bytes() throws -> [UInt8] {
        var log = LogWriter()
        for step in 1...40 {
            let address = UInt64(step) << 12
            log.add(step % 3, at: UInt64(step), .malloc(address, size: address))
            if step > 5 { log.add(step % 3, at: UInt64(step), .free(address - 5 << 12)) }
        }
        return try log.trace().encoded()
    }

    /// Cut anywhere, a file is refused and not believed.
    @Test func aFileThatWasCutIsRefused() throws {
        let whole = try bytes()
        try whole.withUnsafeBytes { try TraceReader($0).check() }
        for end in whole.indices {
            _ = Array(whole[..<end]).withUnsafeBytes { raw in
                #expect(throws: Failure.self) { try TraceReader(raw).check() }
            }
        }
    }

    /// Whatever a byte becomes, the check ends: with an answer, not with a trap.
    @Test func noByteCanUpsetTheReader() throws {
        let whole = try bytes()
        for index in whole.indices {
            for value: UInt8 in [0, 1, 6, 8, 0x7F, 0x80, 0xFF] {
                var changed = whole
                changed[index] = value
                changed.withUnsafeBytes { raw in _ = try? TraceReader(raw).check() }
            }
        }
    }
}

@Suite struct SlotPoolTests {
    @Test func aThreadUsesItsOwnSlotsFirstAndDoesNotWait() {
        var pool = SlotPool()
        let first = pool.acquire(by: 0)
        let second = pool.acquire(by: 0)
        #expect([first.slot, second.slot] == [0, 1])
        #expect(pool.release(first.slot, by: 0).waitsFor == nil)
        #expect(pool.release(second.slot, by: 0).waitsFor == nil)
        #expect(pool.acquire(by: 0) == SlotUse(slot: 1, waitsFor: nil))
        #expect(pool.renew(1, by: 0) == SlotUse(slot: 1, waitsFor: nil))
        #expect(pool.renew(1, by: 3) == SlotUse(slot: 1, waitsFor: 3))
        #expect(pool.count == 2)
    }

    /// A producer's slots come back from the consumer once it has enough of them.
    @Test func handedOverSlotsAreTakenBack() {
        var pool = SlotPool()
        for _ in 0..<10 * SlotPool.slackMax {
            let use = pool.acquire(by: 0)
            let end = pool.release(use.slot, by: 1)
            #expect(end.waitsFor != nil)
        }
        #expect(pool.count <= SlotPool.slackMax + 1)
        let use = pool.acquire(by: 0)
        #expect(use.slot < pool.count && use.waitsFor != nil)
    }

    @Test func generationsGoRound() {
        var pool = SlotPool()
        let slot = pool.acquire(by: 0).slot
        for _ in 0..<Int(UInt16.max) { _ = pool.renew(slot, by: 0) }
        #expect(pool.release(slot, by: 1).waitsFor == 0)
    }
}
