# loop.pl: instances of every transfer syntax go from a PACS into the
# database, and masks, pictures and reports back, as others see them.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../t";
use Pacs qw(make_lesion output read_file save_bytea wait_until);
use Session qw(fresh_database run_sql);
use Test::More;

my $database = 'pacs_loop';
my $folder = tempdir(CLEANUP => 1);

# How an instance without compression becomes one of each transfer syntax, and
# how many levels its pixels may differ from what others decode.
my @syntaxes = (
	['implicit', '1.2.840.10008.1.2', 0, 'dcmconv', '+ti'],
	['explicit', '1.2.840.10008.1.2.1', 0, 'dcmconv', '+te'],
	['big endian', '1.2.840.10008.1.2.2', 0, 'dcmconv', '+tb'],
	['deflated', '1.2.840.10008.1.2.1.99', 0, 'dcmconv', '+td'],
	['RLE', '1.2.840.10008.1.2.5', 0, 'dcmcrle'],
	['JPEG baseline', '1.2.840.10008.1.2.4.50', 2, 'dcmcjpeg', '+eb'],
	['JPEG baseline, 4:4:4', '1.2.840.10008.1.2.4.50', 2, 'dcmcjpeg', '+eb', '+s4'],
	['JPEG extended', '1.2.840.10008.1.2.4.51', 2, 'dcmcjpeg', '+ee'],
	['JPEG spectral selection', '1.2.840.10008.1.2.4.53', 2, 'dcmcjpeg', '+es'],
	['JPEG progressive', '1.2.840.10008.1.2.4.55', 2, 'dcmcjpeg', '+ep'],
	['JPEG lossless, SV1', '1.2.840.10008.1.2.4.70', 0, 'dcmcjpeg', '+e1'],
	(map { ["JPEG lossless, predictor $_", '1.2.840.10008.1.2.4.57', 0, 'dcmcjpeg', '+el', '+sv', $_] } 1 .. 7),
	['JPEG-LS', '1.2.840.10008.1.2.4.80', 0, 'dcmcjpls', '+el'],
	['JPEG-LS, near', '1.2.840.10008.1.2.4.81', 2, 'dcmcjpls', '+en'],
	['JPEG 2000', '1.2.840.10008.1.2.4.90', 0, 'gdcmconv', '--j2k'],
	['JPEG 2000, lossy', '1.2.840.10008.1.2.4.91', 2, 'gdcmconv', '--j2k', '--lossy', '-q', '40'],
	['planar', '1.2.840.10008.1.2.1', 0, 'gdcmconv', '--planar-configuration', '1', '--raw', '--force'],
);
fresh_database($database);
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
my $orthanc = Pacs->new;
my (%file, %syntax);
for my $n (1 .. 30) {
	my $syntax = $syntaxes[($n - 1) % @syntaxes];
	my ($name, undef, undef, $tool, @options) = @$syntax;
	my $plain = make_lesion($database, $n, [200 + 4 * $n, 160 + 2 * $n], "$folder/plain");
	output($tool, @options, $plain, "$folder/$n.dcm");
	$? == 0 or die "$tool @options failed";
	my $uid = output('dcmdump', '-s', '+P', '0008,0018', "$folder/$n.dcm") =~ /\[([\d.]+)\]/ ? $1 : die;
	@file{$uid} = "$folder/$n.dcm";
	@syntax{$uid} = $syntax;
}
$orthanc->send_files(values %file);

# The loop, as a service.
my $service = $orthanc->spawn($database, "$folder/service.log", 'run', '--model', 'linknet', '--every', 1);
ok(wait_until(300, sub { run_sql($database, q(SELECT count(*) FROM lesion_pacs_object WHERE state = 'sent')) == 90 }),
	'the service pulls, predicts and sends') or diag read_file("$folder/service.log");
kill 'TERM', $service;
waitpid $service, 0;
is($?, 0, 'and ends when it is told to');
is(run_sql($database, 'SELECT count(*) FROM lesion_pacs_instance'), 30, 'every image was pulled');

# The PACS has one of each kind for each image, in the image's study.
my %class = ('1.2.840.10008.5.1.4.1.1.66.4' => 'seg', '1.2.840.10008.5.1.4.1.1.7' => 'picture',
	'1.2.840.10008.5.1.4.1.1.88.33' => 'report');
my %there = $orthanc->instances;
is(scalar keys %there, 120, 'the PACS has 30 images and 90 results');
my %results;
for my $uid (keys %there) {
	my $kind = $class{ $there{$uid}{class} } // next;
	push @{ $results{ $there{$uid}{study} }{$kind} }, $uid;
}

for my $uid (sort { $file{$a} cmp $file{$b} } keys %file) {
	my ($name, $expected_syntax, $tolerance) = @{ $syntax{$uid} };
	my $where = "WHERE id = '$uid'";
	my $of = $results{ $there{$uid}{study} };
	is(join(' ', map { scalar @{ $of->{$_} // [] } } qw(seg picture report)), '1 1 1',
		"$name: one segmentation, one picture, one report");
	is(run_sql($database, "SELECT transfer_syntax FROM lesion_pacs_instance, lesion_dicom_info(image) $where"),
		$expected_syntax, '... is stored as it is');
	my $frame = save_bytea($database, "SELECT lesion_dicom_frame(image) FROM lesion_pacs_instance $where",
		"$folder/frame.png");
	like(output("$FindBin::Bin/check_pixels.py", $file{$uid}, $frame, $tolerance), qr/^the same\n/,
		'... has the pixels that others decode');

	my $mask = save_bytea($database, "SELECT mask FROM lesion_pacs_prediction $where", "$folder/mask.png");
	my ($seg, $picture, $report) = map { $orthanc->fetch($of->{$_}[0], "$folder/$_.dcm") } qw(seg picture report);
	like(output("$FindBin::Bin/../dicom/check_seg.py", $seg, $mask, "$folder/mask.raw"),
		qr/^different 0\nsource \Q$uid\E \Q$uid\E\n/,
		'... has the mask, as pydicom reads it, and names its source');
	is(output('node', "$FindBin::Bin/check_seg.js", $seg, "$folder/mask.raw"), "different 0\nsource $uid\n",
		'... as dcmjs reads it');
	for ($seg, $picture, $report) {
		my @errors = grep { /^Error|^\(0x/ } split /\n/, output('dciodvfy', $_);
		is("@errors", '', '... and dciodvfy finds no error');
	}
}

# Nothing is left to do, and nothing of ours comes back.
my $requests = $orthanc->posts;
is($requests, 60, 'Orthanc got two requests for each image: segmentation and picture, then the report');
is($orthanc->run($database, 'push') =~ s/^\S+ \S+ //r, "sent 0, failed 0\n", 'nothing is left to send');
is($orthanc->posts, $requests, '... and nothing is sent twice');
my @anything = map { ('--sop-class', $_) } keys %class, '1.2.840.10008.5.1.4.1.1.77.1.4';
my @everywhere = map { ('--modality', $_) } qw(XC SEG OT SR);
is($orthanc->run($database, 'pull', @anything, @everywhere, '--masks', '--all') =~ s/^\S+ \S+ //r,
	"pulled 0, failed 0\n", 'what was sent is not pulled');

# A role with no more rights than the page gives it does the same. The page's other examples run, too.
my @examples = read_file("$FindBin::Bin/../../docs/pacs.md") =~ /^```sql\n(.*?)^```/msg;
run_sql($database, $_) for map { split /(?<=;)\n/ } @examples;
$orthanc->send_files(make_lesion($database, 31, [200, 160], "$folder/31.dcm"));
my $role = "dbname=$database user=pacs_service";
like($orthanc->run($role, 'pull'), qr/pulled 1, failed 0\n\z/, 'the role of the page pulls');
run_sql($role, q(CALL lesion_predict('lesion_pacs_instance', 'linknet', 'lesion_pacs_prediction')));
like($orthanc->run($role, 'push'), qr/sent 3, failed 0\n\z/, '... predicts and pushes');
run_sql($database, 'TRUNCATE lesion_pacs_object');
is($orthanc->run($database, 'pull', @anything, @everywhere, '--masks', '--all') =~ s/^\S+ \S+ //r,
	"pulled 0, failed 0\n", '... also where the tables were lost');
done_testing();
