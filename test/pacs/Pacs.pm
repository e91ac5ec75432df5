# Pacs.pm: a real Orthanc on loopback with its index and storage in the
# throw-away cluster, instances to send to it, and lesionseg-pacs.
package Pacs;

use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);
use MIME::Base64 qw(decode_base64);
use POSIX qw(WNOHANG);
use Session qw(run_sql);

our @EXPORT_OK = qw(output write_file read_file save_bytea make_lesion wait_until);

my $root = abs_path(dirname(__FILE__) . '/../..');
my $program = "$root/build/release/lesionseg-pacs";
my $plugins = '/usr/share/orthanc/plugins';

# What a command prints, errors included; $? is its status.
sub output {
	my (@command) = @_;
	my $pid = open my $pipe, '-|';
	die "fork: $!\n" unless defined $pid;
	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		exec @command or exit 127;
	}
	my $said = do { local $/; <$pipe> };
	close $pipe;
	return $said // '';
}

# The same; dies where the command fails.
sub must {
	my (@command) = @_;
	my $said = output(@command);
	die "@command: $said\n" if $?;
	return $said;
}

sub write_file {
	my ($name, $bytes) = @_;
	open my $file, '>:raw', $name or die "$name: $!\n";
	print $file $bytes;
	close $file or die "$name: $!\n";
	return $name;
}

sub read_file {
	my ($name) = @_;
	open my $file, '<:raw', $name or die "$name: $!\n";
	local $/;
	return scalar <$file>;
}

# Write what an SQL query gives, one bytea, to a file; the file's name.
sub save_bytea {
	my ($database, $query, $name) = @_;
	my $base64 = run_sql($database, "SELECT encode(($query), 'base64')");
	return write_file($name, decode_base64($base64));
}

# Wait until something is true, so many seconds at most.
sub wait_until {
	my ($seconds, $test) = @_;
	my $end = time + $seconds;
	while (time < $end) {
		return 1 if $test->();
		select undef, undef, undef, 0.1;
	}
	return 0;
}

# A rendered lesion as an instance of a photograph, as a camera would send it:
# RGB without compression, 0.05 mm to a pixel. Attributes: PatientID => ...
sub make_lesion {
	my ($database, $seed, $size, $name, %attributes) = @_;
	my ($width, $height) = @$size;
	save_bytea($database, "SELECT image FROM lesion_synthetic($seed, $width, $height)", "$name.png");
	must('/usr/bin/python3', '-c',
		'import sys; from PIL import Image; Image.open(sys.argv[1]).convert("RGB").save(sys.argv[2])',
		"$name.png", "$name.bmp");
	%attributes = (PatientID => "P$seed", PatientName => "Lesion^$seed", StudyDate => '20260101',
		PatientBirthDate => '19600101', PatientSex => 'O', StudyID => $seed, PixelSpacing => '0.05\\0.05', %attributes);
	must('img2dcm', '-q', '-i', 'BMP', '-vlp', (map { ('-k', "$_=$attributes{$_}") } sort keys %attributes),
		"$name.bmp", $name);
	unlink "$name.png", "$name.bmp";
	return $name;
}

# Start an Orthanc. Options go into its configuration.
sub new {
	my ($class, %options) = @_;
	my $self = bless { folder => tempdir(CLEANUP => 1) }, $class;
	my $port = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
	$self->{database} = "orthanc_$port";
	$self->{server} = "http://localhost:$port";
	$self->{url} = "$self->{server}/dicom-web";
	run_sql('postgres', "DROP DATABASE IF EXISTS $self->{database} WITH (FORCE)");	# ports come again
	run_sql('postgres', "CREATE DATABASE $self->{database}");
	write_file("$self->{folder}/orthanc.json", encode_json({
		Name => 'test', HttpPort => $port, DicomServerEnabled => JSON::PP::false,
		RemoteAccessAllowed => JSON::PP::false,
		AuthenticationEnabled => JSON::PP::false, ExecuteLuaEnabled => JSON::PP::false,
		StorageDirectory => "$self->{folder}", IndexDirectory => "$self->{folder}",
		Plugins => [map { "$plugins/libOrthanc$_.so" } qw(DicomWeb PostgreSQLIndex PostgreSQLStorage)],
		DicomWeb => { Enable => JSON::PP::true, Root => '/dicom-web/' },
		PostgreSQL => {
			EnableIndex => JSON::PP::true, EnableStorage => JSON::PP::true, Lock => JSON::PP::false,
			Host => $ENV{PGHOST}, Port => 5432, Database => $self->{database}, Username => $ENV{PGUSER},
			Password => 'none',
		},
		%options,
	}));
	$self->start;
	return $self;
}

# Start a program of this folder that plays a PACS and prints its port.
sub fake {
	my ($class, $scheme, $name, @arguments) = @_;
	my $self = bless {}, $class;
	$self->{pid} = open $self->{output}, '-|', "$root/test/pacs/$name", @arguments or die "$name: $!\n";
	my $port = readline $self->{output} // die "$name does not start\n";
	chomp $port;
	$self->{url} = "$scheme://localhost:$port";
	return $self;
}

# The PACS below a path of it.
sub below {
	my ($self, $path) = @_;
	return bless { url => "$self->{url}/$path" }, ref $self;
}

sub start {
	my ($self) = @_;
	$self->{pid} = fork // die "fork: $!\n";
	if (!$self->{pid}) {
		open STDOUT, '>>', "$self->{folder}/orthanc.log";
		open STDERR, '>&', \*STDOUT;
		exec 'Orthanc', '--verbose-http', "$self->{folder}/orthanc.json" or POSIX::_exit(127);
	}
	my $ended;
	my $waited = wait_until(60, sub { ($ended = waitpid($self->{pid}, WNOHANG) != 0) || $self->answers });
	die 'Orthanc ' . ($ended ? 'ends: ' : 'does not answer: ') . read_file("$self->{folder}/orthanc.log")
		if $ended || !$waited;
	return;
}

# How many requests with objects it got, by its log.
sub posts {
	my ($self) = @_;
	return scalar(() = read_file("$self->{folder}/orthanc.log") =~ m{ POST /dicom-web/studies$}mg);
}

# Does it answer?
sub answers {
	my ($self) = @_;
	output('curl', '-s', '-o', '/dev/null', "$self->{server}/system");
	return $? == 0;
}

# Stop it, or kill it outright.
sub stop {
	my ($self, $signal) = @_;
	return unless $self->{pid};
	kill $signal // 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
	$self->{pid} = 0;
	return;
}

sub DESTROY {
	my ($self) = @_;
	local $?;
	$self->stop('KILL');
	return;
}

# What a request to Orthanc's own API gives.
sub ask {
	my ($self, $path, @curl) = @_;
	return must('curl', '-sSf', @curl, "$self->{server}$path");
}

# Send files to it, as a modality would.
sub send_files {
	my ($self, @names) = @_;
	$self->ask('/instances', '-H', 'Expect:', '--data-binary', "\@$_") for @names;
	return;
}

# All its instances: SOP instance UID => { id, study, series, class, manufacturer }.
sub instances {
	my ($self) = @_;
	my %found;
	my $list = decode_json(must('curl', '-sSf', '-H', 'Accept: application/dicom+json',
		"$self->{url}/instances?includefield=00080070"));
	for my $item (@$list) {
		my $value = sub { ($item->{ $_[0] }{Value} // [])->[0] // '' };
		die 'the same instance twice: ' . $value->('00080018') . "\n" if $found{ $value->('00080018') };
		$found{ $value->('00080018') } = {
			study => $value->('0020000D'), series => $value->('0020000E'), class => $value->('00080016'),
			manufacturer => $value->('00080070'),
		};
	}
	return %found;
}

# Fetch an instance's file; its name.
sub fetch {
	my ($self, $instance, $name) = @_;
	my $id = decode_json($self->ask('/tools/lookup', '--data', $instance))->[0]{ID};
	return write_file($name, $self->ask("/instances/$id/file"));
}

# Run lesionseg-pacs; its output. $? >> 8 is its exit status.
sub run {
	my ($self, $database, $command, @options) = @_;
	return output($program, $command, '--url', $self->{url},
		'--db', $database =~ /=/ ? $database : "dbname=$database", @options);
}

# Start it in the background; its process.
sub spawn {
	my ($self, $database, $log, $command, @options) = @_;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		open STDOUT, '>>', $log;
		open STDERR, '>&', \*STDOUT;
		exec $program, $command, '--url', $self->{url}, '--db', "dbname=$database", @options or POSIX::_exit(127);
	}
	return $pid;
}

1;
