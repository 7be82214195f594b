// SPDX-License-Identifier: MIT
//
// The summary of the heap: for people, as JSON, and as malloc_info's XML.

import CHakmem
import CHakmemShim

enum StatisticsReport {
    private static let json: UInt = 2

    /// The summary that HAKMEM_STATS asks for, to standard error or HAKMEM_STATS_FILE.
    static func atExit() {
        var descriptor: Int32 = 2
        if let path = process.options.statsFile {
            let flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC
            guard let file = SystemCall.open(path, flags: flags, mode: 0o644) else { return }
            descriptor = file
        }
        var text = TextBuffer(sink: .descriptor(descriptor))
        let statistics = Statistics()
        if process.options.stats == json {
            writeJSON(statistics, to: &text)
        } else {
            writeSummary(statistics, to: &text)
        }
        text.flush()
        if descriptor != 2 { SystemCall.close(descriptor) }
    }

    // MARK: For people

    static func writeSummary(_ statistics: borrowing Statistics, to text: inout TextBuffer) {
        let total = statistics.total
        text.append("hakmem: calls  malloc ")
        text.append(decimal: UInt(total.calls_malloc))
        append(", calloc ", total.calls_calloc, to: &text)
        append(", realloc ", total.calls_realloc, to: &text)
        append(", aligned ", total.calls_aligned, to: &text)
        append(", free ", total.calls_free, to: &text)
        append(" (remote ", total.frees_remote, to: &text)
        text.append(")\nhakmem: KiB    allocated ")
        text.append(decimal: UInt(total.bytes_allocated >> 10))
        append(", active ", total.bytes_active >> 10, to: &text)
        append(", resident ", total.bytes_resident >> 10, to: &text)
        append(", retained ", total.bytes_retained >> 10, to: &text)
        append(", mapped ", total.bytes_mapped >> 10, to: &text)
        append(", metadata ", total.bytes_metadata >> 10, to: &text)
        text.append("\nhakmem: caches refills ")
        text.append(decimal: UInt(total.refills))
        append(", spans acquired ", total.spans_acquired, to: &text)
        appendRate(", large reuse ", total.large_cache_hits, total.large_cache_misses, to: &text)
        appendRate(", whale reuse ", total.whale_cache_hits, total.whale_cache_misses, to: &text)
        text.append("\nhakmem: kernel mmap ")
        text.append(decimal: UInt(total.calls_mmap))
        append(", munmap ", total.calls_munmap, to: &text)
        append(", mremap ", total.calls_mremap, to: &text)
        append(", purges ", total.purges, to: &text)
        append(" of KiB ", total.bytes_purged >> 10, to: &text)
        append("; threads ", total.threads, to: &text)
        append(", thread caches ", total.thread_caches, to: &text)
        append("; errors ignored ", total.errors_ignored, to: &text)
        if total.sites > 0 {
            append("\nhakmem: sites  ", total.sites, to: &text)
            append(", with rules ", total.site_rules, to: &text)
            append(", samples ", total.site_samples, to: &text)
            append(" (dropped ", total.site_samples_dropped, to: &text)
            append("), blocks from their own slots ", total.site_cache_hits, to: &text)
        }
        text.append("\nhakmem: class   block B       served         live    spans    spans KiB\n")
        for index in 1..<SizeClass.end {
            let figures = statistics.classes[index]
            if figures.served == 0 && figures.spans == 0 { continue }
            text.append("hakmem:")
            text.append(decimal: UInt(index), width: 6)
            text.append(decimal: SizeClass(index: index).blockBytes, width: 10)
            text.append(decimal: figures.served, width: 13)
            text.append(decimal: figures.live, width: 13)
            text.append(decimal: figures.spans, width: 9)
            text.append(decimal: figures.spanBytes >> 10, width: 13)
            text.append("\n")
        }
    }

    private static func append(_ name: StaticString, _ value: UInt64, to text: inout TextBuffer) {
        text.append(name)
        text.append(decimal: UInt(value))
    }

    /// "hits of all (percent)".
    private static func appendRate(
        _ name: StaticString, _ hits: UInt64, _ misses: UInt64, to text: inout TextBuffer
    ) {
        append(name, hits, to: &text)
        append(" of ", hits + misses, to: &text)
        if hits + misses > 0 {
            append(" (", hits * 100 / (hits + misses), to: &text)
            text.append(" %)")
        }
    }

    // MARK: JSON

    /// One line of JSON: the fields of hak_stats_t by name.
    static func writeJSON(_ statistics: borrowing Statistics, to text: inout TextBuffer) {
        let total = statistics.total
        text.append("{\"hakmem_stats\":")
        text.append(decimal: UInt(total.version))
        field("calls_malloc", total.calls_malloc, to: &text)
        field("calls_calloc", total.calls_calloc, to: &text)
        field("calls_realloc", total.calls_realloc, to: &text)
        field("calls_aligned", total.calls_aligned, to: &text)
        field("calls_free", total.calls_free, to: &text)
        field("frees_remote", total.frees_remote, to: &text)
        field("bytes_allocated", total.bytes_allocated, to: &text)
        field("bytes_active", total.bytes_active, to: &text)
        field("bytes_resident", total.bytes_resident, to: &text)
        field("bytes_retained", total.bytes_retained, to: &text)
        field("bytes_mapped", total.bytes_mapped, to: &text)
        field("bytes_metadata", total.bytes_metadata, to: &text)
        field("refills", total.refills, to: &text)
        field("spans_acquired", total.spans_acquired, to: &text)
        field("large_cache_hits", total.large_cache_hits, to: &text)
        field("large_cache_misses", total.large_cache_misses, to: &text)
        field("whale_cache_hits", total.whale_cache_hits, to: &text)
        field("whale_cache_misses", total.whale_cache_misses, to: &text)
        field("purges", total.purges, to: &text)
        field("bytes_purged", total.bytes_purged, to: &text)
        field("calls_mmap", total.calls_mmap, to: &text)
        field("calls_munmap", total.calls_munmap, to: &text)
        field("calls_mremap", total.calls_mremap, to: &text)
        field("threads", total.threads, to: &text)
        field("thread_caches", total.thread_caches, to: &text)
        field("errors_ignored", total.errors_ignored, to: &text)
        field("site_samples", total.site_samples, to: &text)
        field("site_samples_dropped", total.site_samples_dropped, to: &text)
        field("site_cache_hits", total.site_cache_hits, to: &text)
        field("sites", total.sites, to: &text)
        field("site_rules", total.site_rules, to: &text)
        text.append(",\"classes\":[")
        var isFirst = true
        for index in 1..<SizeClass.end {
            let figures = statistics.classes[index]
            if figures.served == 0 && figures.spans == 0 { continue }
            text.append(isFirst ? "{" : ",{")
            isFirst = false
            append("\"block_bytes\":", UInt64(SizeClass(index: index).blockBytes), to: &text)
            field("blocks_served", UInt64(figures.served), to: &text)
            field("blocks_live", UInt64(figures.live), to: &text)
            field("spans", UInt64(figures.spans), to: &text)
            field("span_bytes", UInt64(figures.spanBytes), to: &text)
            text.append("}")
        }
        text.append("]}\n")
    }

    private static func field(_ name: StaticString, _ value: UInt64, to text: inout TextBuffer) {
        text.append(",\"")
        text.append(name)
        append("\":", value, to: &text)
    }

    // MARK: XML

    /// malloc_info's document, in the elements that glibc has.
    static func writeXML(_ statistics: borrowing Statistics, to text: inout TextBuffer) {
        let total = statistics.total
        text.append("<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n")
        for index in 1..<SizeClass.end {
            let figures = statistics.classes[index]
            if figures.spans == 0 { continue }
            let blockBytes = UInt64(SizeClass(index: index).blockBytes)
            let free = UInt64(figures.spanBytes) / blockBytes - UInt64(figures.live)
            append("<size from=\"", blockBytes, to: &text)
            append("\" to=\"", blockBytes, to: &text)
            append("\" total=\"", free * blockBytes, to: &text)
            append("\" count=\"", free, to: &text)
            text.append("\"/>\n")
        }
        let free = total.bytes_mapped - min(total.bytes_allocated, total.bytes_mapped)
        append("</sizes>\n<total type=\"rest\" count=\"0\" size=\"", free, to: &text)
        append("\"/>\n<system type=\"current\" size=\"", total.bytes_mapped, to: &text)
        append("\"/>\n<aspace type=\"total\" size=\"", total.bytes_mapped, to: &text)
        text.append("\"/>\n</heap>\n")
        append("<system type=\"current\" size=\"", total.bytes_mapped, to: &text)
        append("\"/>\n<aspace type=\"total\" size=\"", total.bytes_mapped, to: &text)
        text.append("\"/>\n</malloc>\n")
    }
}
