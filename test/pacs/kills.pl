# kills.pl: the program, Orthanc or a server process is killed outright at 20
# random moments: in the end each image has exactly one of each object.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../t";
use Pacs qw(make_lesion read_file wait_until);
use Session qw(fresh_database run_sql);
use Test::More;

my $database = 'pacs_kills';
my $folder = tempdir(CLEANUP => 1);
my $seed = $ENV{LESIONSEG_KILL_SEED} // time;
srand $seed;
note "LESIONSEG_KILL_SEED=$seed";
fresh_database($database);
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
my $orthanc = Pacs->new;
my $log = "$folder/program.log";
my @options = ('run', '--model', 'linknet', '--every', 1);
my $program = $orthanc->spawn($database, $log, @options);
my %killed;

# Kill the server process that works for the program; false where there is none: a program with
# nothing to do has one for some milliseconds of each second.
sub kill_backend {
	my ($witness) = @_;
	my $pid = $witness->query(q(SELECT pid FROM pg_stat_activity WHERE application_name = 'lesionseg-pacs' LIMIT 1));
	return 0 if $pid eq '';
	my $answers = Session::kill_session(bless({ pid => $pid }, 'Session'), $witness);
	return 0 if !defined $answers;	# it ended by itself since
	die "the server does not come back\n" if !$answers;
	$orthanc->stop('KILL');	# its own connections are gone, too: as its service would, begin anew
	$orthanc->start;
	return 1;
}

for my $round (1 .. 20) {
	# There is always something to do: two new images.
	$orthanc->send_files(map { make_lesion($database, 2 * $round + $_, [96, 72], "$folder/$_.dcm") } 0 .. 1);
	select undef, undef, undef, rand 2;
	my $who = $round % 3;
	if ($who == 0) {
		$killed{program}++;
		kill 'KILL', $program;
		waitpid $program, 0;
		$program = $orthanc->spawn($database, $log, @options);
	}
	elsif ($who == 1) {
		$killed{Orthanc}++;
		$orthanc->stop('KILL');
		$orthanc->start;
	}
	else {
		my $witness = Session->new('postgres');
		wait_until(120, sub { kill_backend($witness) }) or die 'no server process to kill: ' . read_file($log);
		$killed{backend}++;
	}
}
note join ', ', map { "$_ $killed{$_}" } sort keys %killed;
ok(wait_until(300, sub { (eval { run_sql($database, q(SELECT count(*) FROM lesion_pacs_object
	WHERE state = 'sent')) } // 0) == 120 }),
	'at last everything is sent') or diag read_file($log);
kill 'TERM', $program;
waitpid $program, 0;
is($?, 0, 'the program has lived, and ends when it is told to');
is(run_sql($database, 'SELECT count(*) FROM lesion_pacs_instance'), 40, 'every image was pulled');
is(run_sql($database, q(SELECT string_agg(state || ' ' || n, ', ') FROM (SELECT state, count(*) AS n
	FROM lesion_pacs_object GROUP BY state) AS s)),
	'sent 120', 'no object is unsure');

# What the PACS has is what the tables say, and of each image one of each.
my %there = $orthanc->instances;
my %count;
for my $uid (keys %there) {
	$count{ $there{$uid}{study} }{ $there{$uid}{class} }++;
}
is(scalar keys %count, 40, 'the PACS has 40 studies');
is(scalar(grep { my $of = $_; keys %$of == 4 && !grep { $_ != 1 } values %$of } values %count), 40,
	'in each: the image, one segmentation, one picture, one report');
my $known = run_sql($database, q(SELECT string_agg(sop_instance, ' ' ORDER BY sop_instance COLLATE "C")
	FROM lesion_pacs_object));
is($known, join(' ', sort grep { $there{$_}{manufacturer} eq 'lesionseg' } keys %there),
	'they are those that the tables name');
done_testing();
