#!/bin/sh
# Runs sweep.slurm as an array of four on a slurmctld and slurmd started for it on the loopback, merges the
# shards and compares with one run. Needs root and Debian's slurmctld, slurmd, slurm-client and munge.
#   test-slurm.sh BINARY PLAN
set -eu
rollsim=$(realpath "${1:?the rollsim binary}")
plan=$(realpath "${2:?a plan}")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
pids=
cleanup() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap cleanup EXIT
chmod 755 "$work"
mkdir "$work/state" "$work/spool" "$work/out"

# munge: the authentication between the daemons.
mkdir -m 755 "$work/munge"
dd if=/dev/urandom of="$work/munge/key" bs=1024 count=1 2>/dev/null
chmod 400 "$work/munge/key"
chown -R munge: "$work/munge"
setpriv --reuid=munge --regid=munge --clear-groups munged --foreground --force \
    --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" \
    --log-file="$work/munge/log" --seed-file="$work/munge/seed" &
pids="$pids $!"

host=$(hostname -s)
cpus=$(nproc)
cat > "$work/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=10 State=UP
CONF
export SLURM_CONF="$work/slurm.conf"
slurmctld -D -f "$SLURM_CONF" &
pids="$pids $!"
slurmd -D -f "$SLURM_CONF" &
pids="$pids $!"
tries=0
until sinfo -h -o %T 2>/dev/null | grep -q idle; do
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ]; then
        echo "slurm did not come up:" >&2
        tail -n 20 "$work"/*.log >&2
        exit 1
    fi
    sleep 1
done

export ROLLSIM="$rollsim"
sbatch --wait --array=1-4 --cpus-per-task=1 --mem-per-cpu=0 --output="$work/task-%a.log" \
    "$here/sweep.slurm" "$plan" "$work/out/shards" || { tail "$work"/task-*.log >&2; exit 1; }
cat "$work"/task-*.log
"$rollsim" merge "$plan" --out "$work/out/shards" > /dev/null
"$rollsim" sweep "$plan" --out "$work/out/whole" > /dev/null
for file in manifest.json results.parquet results.csv results.jsonl; do
    cmp "$work/out/shards/$file" "$work/out/whole/$file"
done
echo "four Slurm tasks, merged: the same bytes as one run"
