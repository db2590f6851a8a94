// One virtual machine with the public address on its network interface.

param name string
param location string
param subnetId string
param publicAddressId string
param adminPublicKey string
@description('In base64. Holds the identity.')
@secure()
param installScript string
param shutdownTime string
param shutdownTimeZone string
param size string
param tags object

resource networkInterface 'Microsoft.Network/networkInterfaces@2023-09-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    ipConfigurations: [
      {
        name: 'echo'
        properties: {
          subnet: {
            id: subnetId
          }
          privateIPAllocationMethod: 'Dynamic'
          publicIPAddress: {
            id: publicAddressId
          }
        }
      }
    ]
  }
}

resource machine 'Microsoft.Compute/virtualMachines@2024-03-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    hardwareProfile: {
      vmSize: size
    }
    securityProfile: {
      securityType: 'TrustedLaunch'
      uefiSettings: {
        secureBootEnabled: true
        vTpmEnabled: true
      }
    }
    storageProfile: {
      imageReference: {
        publisher: 'Canonical'
        offer: 'ubuntu-24_04-lts'
        sku: 'server'
        version: 'latest'
      }
      osDisk: {
        name: name
        createOption: 'FromImage'
        deleteOption: 'Delete'
        managedDisk: {
          storageAccountType: 'StandardSSD_LRS'
        }
      }
    }
    osProfile: {
      computerName: 'fwprobe-echo'
      adminUsername: 'fwprobeadmin'
      allowExtensionOperations: true
      linuxConfiguration: {
        disablePasswordAuthentication: true
        provisionVMAgent: true
        ssh: {
          publicKeys: [
            {
              path: '/home/fwprobeadmin/.ssh/authorized_keys'
              keyData: adminPublicKey
            }
          ]
        }
      }
    }
    networkProfile: {
      networkInterfaces: [
        {
          id: networkInterface.id
          properties: {
            deleteOption: 'Delete'
          }
        }
      ]
    }
    diagnosticsProfile: {
      bootDiagnostics: {
        enabled: true
      }
    }
  }
}

// An extension, not custom data: custom data is readable on the machine, cannot be changed after the
// first boot, and is not meant for secrets. A changed script runs again: that is how keys are changed.
resource install 'Microsoft.Compute/virtualMachines/extensions@2024-03-01' = {
  parent: machine
  name: 'install'
  location: location
  tags: tags
  properties: {
    publisher: 'Microsoft.Azure.Extensions'
    type: 'CustomScript'
    typeHandlerVersion: '2.1'
    autoUpgradeMinorVersion: true
    protectedSettings: {
      script: installScript
    }
  }
}

// The name is what Azure demands of a machine's schedule.
resource shutdown 'Microsoft.DevTestLab/schedules@2018-09-15' = if (!empty(shutdownTime)) {
  name: 'shutdown-computevm-${name}'
  location: location
  tags: tags
  properties: {
    status: 'Enabled'
    taskType: 'ComputeVmShutdownTask'
    dailyRecurrence: {
      time: shutdownTime
    }
    timeZoneId: shutdownTimeZone
    targetResourceId: machine.id
    notificationSettings: {
      status: 'Disabled'
    }
  }
}
