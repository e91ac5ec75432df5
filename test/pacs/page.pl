# page.pl: the commands of docs/pacs.md, from the first image to the mask in
# the PACS, as they stand there. Those that install and start things on an empty
# machine are not run here.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../t";
use JSON::PP qw(decode_json);
use Pacs qw(output read_file write_file);
use Session qw(run_sql);
use Test::More;

my $folder = tempdir(CLEANUP => 1);
my $page = read_file("$FindBin::Bin/../../docs/pacs.md");
my @commands = ($page =~ /^```sh\n(apt-get .*?)^```/ms ? $1 : '') =~ /^(.+)$/mg;
is(scalar @commands, 10, 'the page has ten commands');
my @installing = splice @commands, 0, 4;
like("@installing", qr/\Aapt-get .* make install .* service orthanc start .* createdb root'\z/,
	'the first four install and start');

# The first one installs what the others call.
my %package = (psql => 'postgresql', pngtopnm => 'netpbm', pnmtojpeg => 'netpbm', img2dcm => 'dcmtk', curl => 'curl');
for my $program (sort keys %package) {
	like(join("\n", @commands), qr/(^|[|&] |\()\Q$program\E /m, "$program is called");
	like($installing[0], qr/ install -y .*\b\Q$package{$program}\E\b/, '... and installed');
}

# The rest runs, with another port and another database.
my $orthanc = Pacs->new;
run_sql('postgres', 'DROP DATABASE IF EXISTS pacs_page');
run_sql('postgres', 'CREATE DATABASE pacs_page');
my $script = join "\n", 'set -e -o pipefail', "cd $folder", 'export PGDATABASE=pacs_page', @commands, '';
is($script =~ s{http://localhost:8042\b}{$orthanc->{server}}g, 3, 'three of the commands speak to Orthanc');
my $said = output('bash', '-c', $script);
is($?, 0, 'the commands run') or diag $said;
like($said, qr/pulled 1, failed 0\n.*sent 3, failed 0\n\z/s, 'an image comes, three objects go');

# What the page says that its reader sees.
my ($patient) = $page =~ /the patient `([^`]+)`, three new series/;
my ($study) = @{ decode_json($orthanc->ask('/tools/find', '--data',
	qq({"Level": "Study", "Query": {"PatientName": "$patient"}, "Expand": true}))) };
my @series = sort grep { defined } map { decode_json($orthanc->ask("/series/$_"))->{MainDicomTags}{SeriesDescription} }
	@{ $study->{Series} };
my @named = sort $page =~ /^\| \w.*\(.*\) \| `([^`]+)` \|/mg;
is(scalar @named, 3, 'the page names three series');
is(join(', ', @series), join(', ', @named), '... and they are in the study of its patient');
done_testing();
