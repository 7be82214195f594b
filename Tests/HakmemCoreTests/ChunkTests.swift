// SPDX-License-Identifier: MIT

import CHakmemShim
import Testing

@testable import HakmemCoreHosted

extension HeapTests {
    @Suite struct ChunkTests {
        init() { StartedHeap.ensure() }

        @Test func chunksAreAlignedAndZero() throws {
            for bytes in [granuleBytes, 1 << 20, 3 * granuleBytes] {
                let chunk = try #require(Chunk.map(bytes, hint: 0))
                #expect(chunk.start % granuleBytes == 0)
                #expect(chunk.bytes == bytes)
                #expect(UnsafeMutableRawPointer(bitPattern: chunk.start)!.isZero(bytes))
                SystemCall.unmap(chunk.start, bytes: chunk.bytes)
            }
        }

        /// free(NULL) looks at the entries of address 0, which must be nobody's.
        @Test func noChunkSharesTheEntriesOfNull() throws {
            let covered = BlockMap.coveredBytes
            let half: UInt = 512 << 10
            let heapStart = try Heap.start()
            var tried = 0
            for multiple in UInt(0)..<8 {
                let alias = (heapStart / covered &- multiple) &* covered
                for offset in [0, half, half * 2 - granuleBytes] {
                    let hint = alias &- offset
                    guard alias > covered / 2, let chunk = Chunk.map(half * 2, hint: hint) else {
                        continue
                    }
                    let end = chunk.start + chunk.bytes
                    #expect(!(chunk.start..<end).contains(alias))
                    if chunk.start > alias - half * 4, end < alias + half * 4 { tried += 1 }
                    SystemCall.unmap(chunk.start, bytes: chunk.bytes)
                }
                if tried >= 3 { break }
            }
            #expect(tried > 0, "no place round a multiple of the map's reach was free")
        }

        /// A whale's mapping becomes a chunk only if that holds of it too.
        @Test func whatTouchesTheEntriesOfNullIsNoChunk() {
            let covered = BlockMap.coveredBytes
            for multiple in [covered, 5 * covered] {
                #expect(Chunk.isClearOfNull(multiple - 1 << 20, 1 << 20))
                #expect(Chunk.isClearOfNull(multiple + granuleBytes, covered - granuleBytes))
                #expect(!Chunk.isClearOfNull(multiple - 1 << 20, 1 << 20 + granuleBytes))
                #expect(!Chunk.isClearOfNull(multiple, granuleBytes))
            }
        }

        @Test func absurdSizesAreRefused() {
            #expect(Chunk.map(requestMax, hint: 0) == nil)
            #expect(Chunk.map(1 << 60, hint: 0) == nil)
        }
    }

    @Suite struct BlockMapTests {
        init() { StartedHeap.ensure() }

        @Test func linesLieInAddressOrder() throws {
            let start = try Heap.start()
            let first = UInt(bitPattern: BlockMap.live(start))
            for line in UInt(0)..<linesPerGranule * 4 {
                let base = start + line << lineShift
                #expect(UInt(bitPattern: BlockMap.live(base)) == first + line * 8)
                #expect(BlockMap.live(base + lineBytes - 1) == BlockMap.live(base))
            }
        }

        @Test func granulesLieInAddressOrder() throws {
            let start = try Heap.start()
            let first = UInt(bitPattern: BlockMap.granule(start))
            for granule in UInt(0)..<4 {
                let base = start + granule << granuleShift
                #expect(UInt(bitPattern: BlockMap.granule(base)) == first + granule * 16)
                #expect(BlockMap.granule(base + granuleBytes - 1) == BlockMap.granule(base))
            }
        }

        @Test func entriesRepeatAfterTheCoveredBytes() {
            let covered = BlockMap.coveredBytes
            #expect(isPowerOfTwo(covered))
            for address in [0, lineBytes, 0x7F00_1234_5000] as [UInt] {
                #expect(BlockMap.live(address) == BlockMap.live(address &+ covered))
                #expect(BlockMap.live(address) != BlockMap.live(address &+ covered / 2))
                #expect(BlockMap.granule(address) == BlockMap.granule(address &+ covered))
                #expect(BlockMap.granule(address) != BlockMap.granule(address &+ covered / 2))
            }
        }

        @Test func spansAreFoundByGranule() throws {
            // Far from the heap, and not where its entries repeat.
            let heapStart = try Heap.start()
            let address = heapStart &+ BlockMap.coveredBytes / 2
            #expect(BlockMap.commit(address, bytes: granuleBytes * 2))
            #expect(BlockMap.span(address) == nil)
            let span = Span(at: heapStart)
            BlockMap.setSpan(address + 5, span)
            #expect(BlockMap.span(address + granuleBytes - 1) == span)
            #expect(BlockMap.span(address + granuleBytes) == nil)
            BlockMap.clearSpan(address)
            #expect(BlockMap.span(address) == nil)
        }

        @Test func nothingIsKnownElsewhere() {
            var local = 0
            withUnsafeMutablePointer(to: &local) { local in
                #expect(hakUsableSize(UnsafeMutableRawPointer(local)) == 0)
            }
            #expect(hakUsableSize(nil) == 0)
            #expect(!BlockMap.commit(0, bytes: BlockMap.coveredBytes * 2))
        }
    }
}
