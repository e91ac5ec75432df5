# stops.pl: each long call in turn is stopped at a random moment, by timeouts
# and cancels in turn; one in sixteen by the end of its process.
use strict;
use warnings;
use LongCalls qw(long_call long_call_names);
use Session qw(run_sql);
use Time::HiRes qw(sleep);

my @names = long_call_names();
my $longest = 0.8;	# seconds

# What the session said, by whatever way it was stopped.
sub stopped {
	my ($campaign, $sql, $way, $delay) = @_;
	if ($way eq 'timeout') {
		$campaign->query(sprintf q{SET statement_timeout = '%dms'}, 1 + 1000 * $delay) // return;
		my $answer = $campaign->query($sql);
		$campaign->query('SET statement_timeout = 0') if defined $answer;
		return $answer;
	}
	my $session = $campaign->session;
	$campaign->session('stopper');
	$session->start($sql);

	# One that comes before the statement stops nothing.
	my $running = sprintf q{SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND state = 'active'}, $session->pid;
	sleep 0.001 until ($campaign->query($running, 'stopper') // return) eq '1';
	sleep $delay;
	$campaign->{may_end} = $way eq 'end';
	$campaign->query(sprintf('SELECT pg_%s_backend(%d)', $way eq 'end' ? 'terminate' : 'cancel', $session->pid),
		'stopper');
	my $answer = eval { $session->finish(60) };
	$campaign->check($answer, $@) if defined $answer || $way ne 'end' || $@ !~ /psql ended/;
	return $answer;
}

return {
	step => sub {
		my ($campaign, $number) = @_;
		my $name = $names[$number % @names];
		my $way = rand() < 1 / 16 ? 'end' : int($number / @names) % 2 ? 'timeout' : 'cancel';
		my $delay = rand() ** 2 * $longest;	# most is decided in the beginning
		my $answer = stopped($campaign, long_call($name), $way, $delay);
		$campaign->count("$name by $way");
		if ($way eq 'end') {
			$campaign->forget_sessions;
		}
		elsif (defined $answer && $answer !~ /ERROR:  57014/) {
			$campaign->problem(sprintf "%s was not stopped by a %s after %.3f s: %s", $name, $way, $delay, $answer);
		}
	},
};
