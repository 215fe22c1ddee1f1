# Windows Network Load Balancing looks after hosts, never after what they serve. This script is the missing check: it runs
# on every host of the NLB cluster (also as a Hyper-V guest), asks the exporter on that host for the verdict of its node,
# and drains the host or starts it again. Run it as SYSTEM, by a scheduled task that starts with the computer.
#
#   fail_after 2 x every 20s                        40 s until the verdict falls
#   + interval 5s x 2 answers                       +10 s until the host gets no new connections
#
#   200                   the host is started, if this script had stopped it
#   503, twice in a row   the host is drained: open connections go on, new ones go to the others
#   no answer             no change: an exporter that is silent takes no host out
#
# A host that an administrator stopped stays stopped: only what this script stopped does it start.

param(
    [string]$Url = 'http://127.0.0.1:9109/testall',
    [int]$IntervalSeconds = 5,
    [int]$Failures = 2,
    [int]$DrainSeconds = 60,
    [string]$Mark = "$env:ProgramData\idp_exporter\nlb-stopped"
)

Import-Module NetworkLoadBalancingClusters
New-Item -ItemType Directory -Force -Path (Split-Path $Mark) | Out-Null

# Returns the status code, or 0 where there was no answer.
function Get-Verdict {
    try {
        return [int](Invoke-WebRequest -Uri $Url -UseBasicParsing -TimeoutSec 2).StatusCode
    } catch {
        if ($_.Exception.Response) { return [int]$_.Exception.Response.StatusCode }
        return 0
    }
}

$failed = 0
while ($true) {
    switch (Get-Verdict) {
        200 {
            $failed = 0
            if (Test-Path $Mark) {
                Start-NlbClusterNode -HostName $env:COMPUTERNAME
                Remove-Item $Mark
            }
        }
        503 {
            $failed++
            if ($failed -eq $Failures -and -not (Test-Path $Mark)) {
                New-Item -ItemType File -Path $Mark | Out-Null
                Stop-NlbClusterNode -HostName $env:COMPUTERNAME -Drain -Timeout $DrainSeconds
            }
        }
    }
    Start-Sleep -Seconds $IntervalSeconds
}
