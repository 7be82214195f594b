# SPDX-License-Identifier: MIT
# Hashes, regular expressions, sorting and strings that grow.
use strict;
use warnings;
use threads;
use Digest::MD5 qw(md5_hex);

sub work {
    my ($seed) = @_;
    my %count;
    for my $i (1 .. 30000) {
        my $word = "w" . ($i * $seed % 4099);
        $count{$word} .= substr("abcdefghij" x ($i % 20), 0, $i % 97);
        delete $count{"w" . ($i % 1000)} if $i % 4 == 0;
    }
    my $text = join ",", map { "$_=$count{$_}" } sort keys %count;
    $text =~ s/([a-c]+)d/<$1>/g;
    return md5_hex($text);
}

print work(7), "\n";
my @threads = map { threads->create(\&work, $_) } 1 .. 3;
print $_->join, "\n" for @threads;
my $child = open(my $pipe, "-|") // die "fork";
if (!$child) { print work(5), "\n"; exit 0; }
print "child: ", <$pipe>;
close $pipe;
