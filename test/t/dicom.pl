# dicom.pl: what lesionseg writes as DICOM is sound in the eyes of others:
# dicom3tools (dciodvfy), DCMTK (dsrdump, dcmj2pnm) and pydicom.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use MIME::Base64 qw(decode_base64 encode_base64);
use Session qw(run_sql fresh_database);
use Test::More;

my $database = 'tap_dicom';
my $folder = tempdir(CLEANUP => 1);
my $data = "$FindBin::Bin/../data/dicom";
my @sources = qw(rgb_explicit rgb_implicit rgb_big rgb_deflated jpeg_baseline j2k_rct mono12 text_utf8 text_japanese);
fresh_database($database);
run_sql($database, 'CREATE TABLE source (name text PRIMARY KEY, dicom bytea)');

sub element {
	my ($group, $element, $vr, $value) = @_;
	$value .= ' ' if length($value) % 2;
	return pack('vva2', $group, $element, $vr)
		. ($vr eq 'SQ' ? pack('vV', 0, length $value) : pack('v', length $value)) . $value;
}

# A sequence of one code.
sub code {
	my ($group, $element, $value, $scheme, $meaning) = @_;
	my $item = element(0x08, 0x0100, 'SH', $value) . element(0x08, 0x0102, 'SH', $scheme)
		. element(0x08, 0x0104, 'LO', $meaning);
	return element($group, $element, 'SQ', pack('vvV', 0xFFFE, 0xE000, length $item) . $item);
}

# An animal in a clinical trial, de-identified: what stands behind PatientSex.
my $animal = element(0x10, 0x2201, 'LO', 'Canis lupus familiaris') . element(0x10, 0x2203, 'CS', 'ALTERED')
	. element(0x10, 0x2292, 'LO', 'Poodle') . code(0x10, 0x2293, '132611006', 'SCT', 'Poodle')
	. element(0x10, 0x2294, 'SQ', '') . element(0x10, 0x2297, 'PN', 'Owner^His')
	. element(0x10, 0x2298, 'CS', 'OWNER') . element(0x10, 0x2299, 'LO', '') . element(0x12, 0x10, 'LO', 'Sponsor')
	. element(0x12, 0x20, 'LO', 'Protocol') . element(0x12, 0x21, 'LO', '') . element(0x12, 0x30, 'LO', '')
	. element(0x12, 0x31, 'LO', '') . element(0x12, 0x40, 'LO', 'S-1') . element(0x12, 0x62, 'CS', 'YES')
	. code(0x12, 0x64, '113100', 'DCM', 'Basic Application Confidentiality Profile');

for my $name (@sources, 'animal') {
	my $from = $name eq 'animal' ? 'rgb_explicit' : $name;
	open my $file, '<:raw', "$data/$from.dcm" or die "$from: $!";
	my $bytes = do { local $/; <$file> };
	$bytes =~ s/(\x10\0\x40\0CS\x02\0..)/$1$animal/s or die 'no PatientSex' if $name eq 'animal';
	run_sql($database, "INSERT INTO source VALUES ('$name', decode('" . encode_base64($bytes, '') . "', 'base64'))");
}

# Write a bytea to a file; its name.
sub fetch {
	my ($name, $expression) = @_;
	my $base64 = run_sql($database, "SELECT encode(($expression), 'base64')");
	open my $file, '>:raw', "$folder/$name" or die $!;
	print $file decode_base64($base64);
	close $file;
	return "$folder/$name";
}

# What a program says, with its errors.
sub output {
	my (@command) = @_;
	open my $pipe, '-|', "@command 2>&1" or die "@command: $!";
	my $said = do { local $/; <$pipe> };
	close $pipe;
	return $said;
}

# Fail where dciodvfy finds an error.
sub is_valid {
	my ($file, $name) = @_;
	my $said = output('dciodvfy', $file);
	my @errors = grep { /^Error|^\(0x/ } split /\n/, $said;
	is("@errors", '', "dciodvfy: $name");
	return;
}

for my $name (@sources, 'animal') {
	my $source = "FROM source WHERE name = '$name'";
	my ($width, $height) = split /\|/, run_sql($database,
		"SELECT width, height FROM source, lesion_image_info(dicom) WHERE name = '$name'");

	# A mask of stripes, drawn as a BMP by hand, so that any size will do.
	my $stride = int(($width * 3 + 3) / 4) * 4;
	my $row = sub { my ($y) = @_; substr(join('', map { (($_ + $y) % 3 ? "\0" : "\xFF") x 3 } 0 .. $width - 1)
		. "\0" x 3, 0, $stride) };
	my $pixels = join '', map { $row->($_) } reverse 0 .. $height - 1;
	my $bmp = pack('a2VvvV VVVvvVVVVVV', 'BM', 54 + length $pixels, 0, 0, 54, 40, $width, $height, 1, 24, 0,
		length $pixels, 2835, 2835, 0, 0) . $pixels;
	my $drawn = "decode('" . encode_base64($bmp, '') . "', 'base64')";

	my $seg = fetch("$name.seg", "SELECT lesion_dicom_seg(dicom, $drawn, 'linknet') $source");
	is_valid($seg, "segmentation of $name");
	my $png = fetch("$name.png", "SELECT lesion_dicom_mask(lesion_dicom_seg(dicom, $drawn, 'linknet')) $source");
	my $read = output("$FindBin::Bin/../dicom/check_seg.py", $seg, $png);
	like($read, qr/^different 0$/m, '... has the mask, as pydicom reads it');
	my $uid = run_sql($database, "SELECT (lesion_dicom_info(dicom)).sop_instance $source");
	like($read, qr/^source \Q$uid\E \Q$uid\E$/m, '... refers to its source twice');

	my $picture = fetch("$name.picture", "SELECT lesion_dicom_picture(dicom, lesion_overlay(dicom, $drawn),
		model => 'linknet') $source");
	is_valid($picture, "picture of $name");
	is(system("dcmj2pnm $picture $folder/picture.ppm >/dev/null 2>&1"), 0, '... and DCMTK shows it');

	my $report = fetch("$name.report", "SELECT lesion_dicom_report(dicom, lesion_dicom_seg(dicom, $drawn, 'linknet'),
		'linknet') $source");
	is_valid($report, "report on $name");
	my $tree = output('dsrdump', $report);
	like($tree, qr/contains NUM:\(,,"Area"\)="[\d.]+" \(mm2,UCUM/, '... and DCMTK reads its area');
}
done_testing();
