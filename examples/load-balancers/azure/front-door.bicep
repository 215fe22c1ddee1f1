// Azure Front Door (Standard or Premium): an origin group and two origins, say two sites. Front Door probes the very ports it
// sends requests to, and cannot be told another; so the probe goes by HTTP and the requests by HTTPS, and the origin's HTTP
// port is the exporter's health listener. The route has to use forwardingProtocol: 'HttpsOnly'.
//
//   fail_after 2 x every 20s                        40 s until the verdict falls
//   + interval 10s x 3 failed of the last 4         +30 s until an edge sends no new requests
//
//   200        a good sample; the site is in with two good of four
//   503        a bad sample, failed or drained: with three bad of four no new requests; open ones are finished
//   no answer  as 503; with no site healthy, all are in
//
// Each edge location asks for itself: an interval of 10 s is some tens of requests a second on each origin. /testall is
// answered from memory and can bear that. Let only the AzureFrontDoor.Backend service tag reach port 9109.

param profileName string

resource profile 'Microsoft.Cdn/profiles@2024-02-01' existing = {
  name: profileName
}

resource group 'Microsoft.Cdn/profiles/originGroups@2024-02-01' = {
  parent: profile
  name: 'idp'
  properties: {
    healthProbeSettings: {
      probePath: '/testall'
      probeRequestType: 'HEAD'
      probeProtocol: 'Http'
      probeIntervalInSeconds: 10
    }
    loadBalancingSettings: {
      sampleSize: 4
      successfulSamplesRequired: 2
      additionalLatencyInMilliseconds: 50
    }
    sessionAffinityState: 'Disabled'
  }
}

resource site1 'Microsoft.Cdn/profiles/originGroups/origins@2024-02-01' = {
  parent: group
  name: 'site1'
  properties: {
    hostName: 'site1.login.example.com'
    originHostHeader: 'login.example.com'
    httpPort: 9109 // the probe
    httpsPort: 443 // the requests
    priority: 1
    weight: 1000
    enabledState: 'Enabled'
    enforceCertificateNameCheck: true
  }
}

resource site2 'Microsoft.Cdn/profiles/originGroups/origins@2024-02-01' = {
  parent: group
  name: 'site2'
  properties: {
    hostName: 'site2.login.example.com'
    originHostHeader: 'login.example.com'
    httpPort: 9109
    httpsPort: 443
    priority: 1
    weight: 1000
    enabledState: 'Enabled'
    enforceCertificateNameCheck: true
  }
}
