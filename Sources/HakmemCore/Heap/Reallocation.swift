// SPDX-License-Identifier: MIT
//
// realloc: in place where the block has room or its span can grow; else to a new block, with some
// head-room if it grew by little, because what has grown once tends to grow again.
//
// A large block that has to move goes, in this order,
//   - to a free span whose memory is there and has room to grow on: copying costs less than new
//     pages;
//   - to any span with room for what blocks that are grown here come to, where that is known
//     (GrowthRecords);
//   - into a mapping of its own, as a whale: the kernel moves its pages, nothing is copied, now
//     and whenever it moves again;
//   - to any other block.

import CHakmemShim
import Synchronization

extension ThreadCache {
    /// The block at `address` resized to `bytes`, moved if need be; 0 when out of memory, and the
    /// block is then untouched. `address` is a block's that is out; `bytes` is not 0; `site` is
    /// where the program asks for it.
    func reallocate(_ address: UInt, _ span: Span, _ bytes: UInt, site: UInt) -> UInt {
        ThreadCache.count(header.pointee.reallocs)
        let usable = span.blockBytes
        if SiteSamples.isOn, span.state != .slab { noteGrowth(span, bytes) }
        if bytes <= usable {
            let fillsRoom = span.state == .large && span.isResized && bytes >= span.askedBytes
            if fillsRoom || bytes >= ThreadCache.keptMin(of: usable) {
                if span.state == .large { growthRecords.noteKept(span, bytes) }
                return address
            }
            if span.state != .slab, shrinkInPlace(span, bytes) { return address }
        } else if span.state != .slab, growInPlace(span, bytes, site) {
            return address
        }
        if bytes > usable, bytes > mediumMax {
            let block = moveToRoom(address, span, bytes, site)
            if block != 0 {
                ThreadCache.count(header.pointee.reallocMoves)
                return block
            }
        }
        return move(address, span, bytes, site)
    }

    /// The least that is worth a place with room, and the least for which the kernel moves pages.
    private static let roomyMin: UInt = 64 << 10
    private static let remapMin: UInt = 2 << 20

    /// Moves a block that grows to a large one to where it has room to grow on; 0 if there is no
    /// such place.
    private func moveToRoom(_ address: UInt, _ span: Span, _ bytes: UInt, _ site: UInt) -> UInt {
        let isRemapped = bytes >= ThreadCache.remapMin
        let expected = growthRecords.expected(bytes, site: site)
        let wanted = max(bytes &+ headRoom(bytes, span), expected)
        if wanted <= largeMax, span.state != .whale {
            var block: UInt?
            if expected > bytes {
                block = LargeBlock.allocateToFill(wanted, cache: self)
            } else if span.state == .large, bytes >= ThreadCache.roomyMin {
                block = LargeBlock.allocateToGrow(wanted, orLess: isRemapped, cache: self)
            }
            if let block {
                hak_copy(block, address, Int(span.blockBytes))
                freeMoved(address, span)
                ThreadCache.noteGrown(block, bytes, isRoomy: true, site)
                return block
            }
        }
        if !isRemapped || span.state == .slab { return 0 }
        let percent = growthPercent(span) ?? ThreadCache.whaleRoomPercent
        return whaleCache.grow(span, to: bytes, roomPercent: percent)
    }

    /// The least that stays in a block: less would leave more than half of it unused, and that is
    /// more than a few bytes.
    static func keptMin(of usable: UInt) -> UInt {
        usable > ThreadCache.wastefulMin ? usable / 2 : 1
    }

    private static let wastefulMin: UInt = 64

    private func move(_ address: UInt, _ span: Span, _ bytes: UInt, _ site: UInt) -> UInt {
        let usable = span.blockBytes
        let isGrowing = bytes > usable
        let wanted = isGrowing ? bytes &+ headRoom(bytes, span) : bytes
        guard let block = allocate(wanted) ?? (isGrowing ? allocate(bytes) : nil) else {
            // A block that is too large is better than a failure.
            return isGrowing ? 0 : address
        }
        ThreadCache.count(header.pointee.reallocMoves)
        hak_copy(block.address, address, Int(min(usable, bytes)))
        freeMoved(address, span)
        if isGrowing, wanted > mediumMax {
            ThreadCache.noteGrown(block.address, bytes, isRoomy: false, site)
        }
        return block.address
    }

    /// A block that a site has grown was asked for with so many bytes, whatever it was given.
    private static func noteGrown(_ block: UInt, _ bytes: UInt, isRoomy: Bool, _ site: UInt) {
        let owner = BlockMap.owner(block)
        let span = Span(at: owner & Owner.spanMask)
        guard owner & Owner.wholeMark != 0, span.state == .large else { return }
        growthRecords.noteGrown(span, bytes, isRoomy: isRoomy, site: site)
        writtenDensity.noteAsked(span, bytes: bytes)
    }

    /// Frees what a block was before it moved. The block lives on: its site has freed nothing.
    private func freeMoved(_ address: UInt, _ span: Span) {
        if span.state == .large { growthRecords.noteMoved(span) }
        if SiteSamples.isOn, span.state != .slab { span.site = 0 }
        free(address)
    }

    /// The block stays its site's, also where realloc is called from somewhere else.
    private func noteGrowth(_ span: Span, _ bytes: UInt) {
        guard span.site != 0 else { return }
        header.pointee.site = span.site
        let before = span.knownBytes
        if bytes > before { SiteSamples.noteGrowth(span.site, from: before, to: bytes) }
    }

    /// Room that the rule of the block's site expects to be filled, in percent; nil if it has none.
    private func growthPercent(_ span: Span) -> UInt? {
        guard SiteSamples.isOn, span.state != .slab else { return nil }
        let growth = SiteSamples.rule(of: span.site).growthPercent
        return growth == 0 ? nil : min(UInt(growth) - 100, ThreadCache.headRoomPercentMax)
    }

    /// How much larger than asked for a whale becomes that must move, in percent.
    private static let whaleRoomPercent: UInt = 50

    /// What the site's rule or the strategy says.
    private func headRoom(_ bytes: UInt, _ span: Span) -> UInt {
        guard let percent = growthPercent(span) else {
            return ThreadCache.headRoom(bytes, from: span.askedBytes)
        }
        return ThreadCache.headRoom(bytes, from: bytes, percent: percent)
    }

    /// Room to grow for a block that is not tiny; none where it would change the kind of block, and
    /// none for a program that grows by half or more at a time: it sees to that itself. Half of
    /// what it had asked for is a third of what it has, where its size class has added an eighth.
    @inline(__always)
    static func headRoom(
        _ bytes: UInt, from asked: UInt, percent: UInt = policy.pointee.headRoomPercent
    ) -> UInt {
        if bytes < headRoomMin || bytes > largeMax || bytes > asked &+ asked / 16 &* 5 { return 0 }
        let bounded = min(percent, headRoomPercentMax)
        return min(bytes * bounded / 100, (bytes <= mediumMax ? mediumMax : largeMax) - bytes)
    }

    /// With what a size class adds a block is at most twice what was asked for, on which the check
    /// of sized frees relies (couldHaveAsked).
    private static let headRoomPercentMax: UInt = 60

    private static let headRoomMin: UInt = 128

    private func growInPlace(_ span: Span, _ bytes: UInt, _ site: UInt) -> Bool {
        guard bytes <= requestMax - granuleBytes else { return false }
        if span.state == .whale { return whaleCache.resizeInPlace(span, to: bytes) }
        guard bytes <= largeMax else { return false }
        let granules = LargeBlock.granules(bytes, of: span)
        guard pageHeap.extend(span, toGranules: granules) else { return false }
        growthRecords.noteGrown(span, bytes, isRoomy: true, site: site) { LargeBlock.resized(span) }
        return true
    }

    private func shrinkInPlace(_ span: Span, _ bytes: UInt) -> Bool {
        if span.state == .whale {
            if bytes <= mediumMax { return false }
            whaleCache.shrink(span, to: bytes)
            return true
        }
        if bytes <= mediumMax { return false }
        pageHeap.trim(span, toGranules: LargeBlock.granules(bytes, of: span))
        growthRecords.noteKept(span, bytes) { LargeBlock.resized(span) }
        return true
    }
}
