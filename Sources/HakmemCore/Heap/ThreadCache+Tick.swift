// SPDX-License-Identifier: MIT
//
// What a thread cache does now and then, on its slow paths: ages what it keeps, sends what waits,
// purges what is due.

import CHakmemShim
import Synchronization

extension ThreadCache {
    static let callsPerTick: UInt32 = 64

    @inline(__always)
    func tick() {
        if header.pointee.callsUntilTick == 0 {
            Sections.measure(.tick) { withSlabs { tickNow() } }
        } else {
            header.pointee.callsUntilTick -= 1
        }
    }

    @inline(never)
    private func tickNow() {
        header.pointee.callsUntilTick = ThreadCache.callsPerTick
        #if HAKMEM_LEARNING
            if Evolution.isOn {
                Evolution.tick(calls: UInt(ThreadCache.callsPerTick))
            }
        #endif
        header.pointee.outgoing.sendAll()
        let epoch = Trim.epoch.load(ordering: .relaxed)
        if epoch != header.pointee.trimEpoch {
            header.pointee.trimEpoch = epoch
            releaseMemory()
        }
        let now = Clock.nowMs()
        if now &- header.pointee.binsFlushedMs >= UInt32(policy.pointee.purgeDelayMs) {
            header.pointee.binsFlushedMs = now
            flushUnused(bytesMin: 0)
        }
        header.pointee.large.releaseAged(now)
        cachePool.coolDownIfDue(now)
        pageHeap.purgeIfDue(now)
        whaleCache.releaseAged(now)
    }
}
