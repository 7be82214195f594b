// SPDX-License-Identifier: MIT
//
// The family of buffers as image and media programs use them: 64 KiB to 8 MiB, written whole, a
// few alive at a time.

import CWorkload

func visitImages(_ body: (Workload) -> Void) {
    body(
        Workload(
            "images-4", "images", iterations: 100, [.quick],
            "buffers of 64 KiB to 8 MiB written whole, 4 live",
            run: { measureImages(live: 4, &$0) }))
    body(
        Workload(
            "images-16", "images", iterations: 100, [],
            "buffers of 64 KiB to 8 MiB written whole, 16 live",
            run: { measureImages(live: 16, &$0) }))
}

private func measureImages(live: Int, _ measurement: inout Measurement) {
    let table = Table(count: live)
    var random = Random(seed: 6)
    let operations = measurement.iterations
    measurement.section(operations: operations) {
        for _ in 0..<operations {
            let index = random.next(below: live)
            if let block = table.slots[index] { dropBlock(block) }
            let least = 64 * 1024 << random.next(below: 7)
            let bytes = least + random.next(below: least)
            let block = makeBlock(bytes)
            memset(block + 8, 0x5A, bytes - 8)
            table.slots[index] = block
        }
        table.dropBlocks()
    }
    table.unmap()
}
