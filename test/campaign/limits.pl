# limits.pl: long calls with little memory, of ours (lesionseg.max_memory) and
# of the process (as by ulimit -v), and little room for temporary files.
use strict;
use warnings;
use LongCalls qw(long_call long_call_names);

my @names = long_call_names();

# Let a process have so much more address space than it has, in MB.
sub limit_memory {
	my ($pid, $megabytes) = @_;
	open my $file, '<', "/proc/$pid/statm" or die "process $pid: $!\n";
	my ($pages) = split ' ', <$file>;
	my @as_owner = $< == 0 ? ('runuser', '-u', (getpwuid((stat "/proc/$pid")[4]))[0], '--') : ();
	system(@as_owner, 'prlimit', "--pid=$pid", '--as=' . ($pages * 4096 + $megabytes * 1024 * 1024) . ':') == 0
		or die "prlimit failed\n";
	return;
}

return {
	step => sub {
		my ($campaign, $number) = @_;
		my $name = $names[$number % @names];
		my $way = Campaign::one_of('max_memory', 'temp_file_limit', 'ulimit');
		$campaign->forget_sessions;
		$campaign->query(q{SET statement_timeout = '3s'});
		$campaign->query(sprintf q{SET lesionseg.max_memory = '%dMB'}, Campaign::one_of(16, 32, 64, 64, 128))
			if $way ne 'ulimit';
		$campaign->query(sprintf q{SET temp_file_limit = '%dkB'}, rand 2048) if $way eq 'temp_file_limit';

		$campaign->query(sprintf q{SET lesionseg.backend = '%s'}, Campaign::one_of('auto', 'builtin', 'openblas'));

		# Libraries that do not fit are the server's matter. Half of the processes have a model and a pool of threads.
		$campaign->query(q{LOAD 'lesionseg'; SET jit = off});
		$campaign->query(q{SELECT length(lesion_segment(image, 'net')) FROM archive LIMIT 1}) if rand() < 0.5;
		limit_memory($campaign->session->pid, int rand Campaign::one_of(8, 64, 512)) if $way eq 'ulimit';
		$campaign->count("$name by $way");
		$campaign->query(long_call($name));
		$campaign->query('SELECT 1');
	},
};
