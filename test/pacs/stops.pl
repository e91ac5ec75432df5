# stops.pl: SIGTERM ends the program soon, whatever it waits for.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../t";
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Pacs qw(make_lesion read_file wait_until);
use Session qw(fresh_database run_sql);
use Test::More;
use Time::HiRes qw(time);

my $database = 'pacs_stops';
my $folder = tempdir(CLEANUP => 1);
fresh_database($database);
run_sql($database, '\i ' . "$FindBin::Bin/../../src/pacs/tables.sql");
my $log = "$folder/requests";
my $fake = Pacs->fake('http', 'odd.py', $log, make_lesion($database, 1, [64, 48], "$folder/lesion.dcm"));

my $stops = 0;

# Start a command against the PACS of that name, wait until it waits, and stop it: what it said, after how
# many seconds, and its status.
sub stop_when {
	my ($name, $command, $waits, $where) = @_;
	my $said = "$folder/said." . ++$stops;
	my $pid = $fake->below($name)->spawn($where // $database, $said, $command);
	wait_until(60, $waits) or die "$command does not wait: " . read_file($said);
	my $start = time;
	kill 'TERM', $pid;
	wait_until(30, sub { waitpid($pid, WNOHANG) == $pid }) or kill 'KILL', $pid;
	return (read_file($said), time - $start, $? >> 8);
}

# Does a session of the program wait for a lock?
sub waits_for_lock {
	return run_sql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lesionseg-pacs'
		AND wait_event_type = 'Lock')) > 0;
}

# A lock on its tables.
my $session = Session->new($database);
$session->query('BEGIN; LOCK TABLE lesion_pacs_instance');
my ($said, $seconds, $status) = stop_when('takes', 'pull', \&waits_for_lock);
like($said, qr/stopped by a signal/, 'a command that waits for a lock ends');
cmp_ok($seconds, '<', 4, '... soon');
is($status, 1, '... with status 1');
ok(wait_until(5, sub { !waits_for_lock() }), '... and so does its statement');
(undef, $seconds, $status) = stop_when('takes', 'run', \&waits_for_lock);
cmp_ok($seconds, '<', 4, 'the service, too');
is($status, 0, '... with status 0');
$session->query('ROLLBACK');
$session->quit;

# Another program; and a role without any grant, which holds its locks.
my $key = q('lesion_pacs_object'::regclass::oid::int);
my $other = Session->new($database);
$other->query("SELECT pg_advisory_lock($key, 3)");
($said, $seconds) = stop_when('takes', 'pull', sub { -s "$folder/said.$stops" });
like($said, qr/waits for another lesionseg-pacs.*stopped by a signal/s, 'one that waits for another program ends');
cmp_ok($seconds, '<', 4, '... soon');
$other->quit;
run_sql('postgres', 'DROP ROLE IF EXISTS pacs_nobody');
run_sql('postgres', 'CREATE ROLE pacs_nobody LOGIN');
{
	my $nobody = Session->new("dbname=$database user=pacs_nobody");
	$nobody->query("SELECT pg_advisory_lock($key, n) FROM generate_series(0, 2) AS n");
	my $log = "$folder/nobody";
	my $pid = $fake->below('takes')->spawn($database, $log, 'pull');
	ok(wait_until(30, sub { waitpid($pid, WNOHANG) == $pid }), 'who may not write the tables holds nobody up');
	like(read_file($log), qr/passes by locks .* by pacs_nobody/, '... and is named');
	$nobody->quit;
}
run_sql('postgres', 'DROP ROLE pacs_nobody');

# An answer that does not come, of the PACS and of the database.
($said, $seconds) = stop_when('slow', 'pull', sub { -f $log && read_file($log) =~ m{/slow/} });
like($said, qr/stopped by a signal/, 'one that waits for the PACS ends');
cmp_ok($seconds, '<', 4, '... soon');
my $silent = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "no socket: $!\n";
($said, $seconds, $status) = stop_when('takes', 'pull', sub { sleep 1; 1 },
	"$database host=127.0.0.1 sslmode=disable port=" . $silent->sockport);
like($said, qr/stopped by a signal, in the middle of what it was at/, 'one that waits for a silent database ends');
cmp_ok($seconds, '<', 14, '... after ten seconds');
is($status, 1, '... with status 1');
done_testing();
